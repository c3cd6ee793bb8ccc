"""Do attributions that agree go with predictions that are right? Numbers with their doubt."""
