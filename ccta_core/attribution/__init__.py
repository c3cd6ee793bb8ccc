"""Token attributions: what each subword adds to the model's output."""
