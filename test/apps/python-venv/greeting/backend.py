# The smallest build backend (PEP 517): it packs one module, and needs no package of an index.
import os
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "greeting-1.0.0-py3-none-any.whl"
    files = {
        "greeting.py": open("greeting.py").read(),
        "greeting-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0.0\n",
        "greeting-1.0.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in files) + "greeting-1.0.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
        wheel.writestr("greeting-1.0.0.dist-info/RECORD", record)
    return name
