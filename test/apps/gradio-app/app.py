# See https://www.gradio.app/guides/environment-variables.
import gradio as gr

demo = gr.Interface(fn=lambda name: "Hello " + name, inputs="text", outputs="text")
demo.launch()
