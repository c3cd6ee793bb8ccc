"""The paper's claims put to a finished study: frames, tests and a page of what was found."""
