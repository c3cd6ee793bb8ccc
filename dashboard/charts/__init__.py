"""A DataFrame in, a plotly figure out; no Streamlit."""
