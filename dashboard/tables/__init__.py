"""A result in, a DataFrame out; no Streamlit."""
