# Reviewed against https://docs.aiohttp.org/en/stable/deployment.html.
from setuptools import find_packages, setup

setup(
    name="poller",
    version="1.0.0",
    packages=find_packages(),
    python_requires=">=3.10",
    install_requires=[
        "aiohttp>=3.11",
        "python-magic",
    ],
    entry_points={"console_scripts": ["poller = poller.server:main"]},
)
