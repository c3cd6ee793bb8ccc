"""The Streamlit dashboard: pages show what the engine measured."""
