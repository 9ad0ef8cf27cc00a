# Reviewed against https://docs.streamlit.io/deploy/tutorials/docker.
import streamlit as st

st.title("hello from Streamlit")
