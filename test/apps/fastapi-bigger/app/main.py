# The layout of https://fastapi.tiangolo.com/tutorial/bigger-applications/; its deployment is
# https://fastapi.tiangolo.com/deployment/manually/.
from fastapi import Depends, FastAPI

from .dependencies import get_query_token
from .routers import items

app = FastAPI(dependencies=[Depends(get_query_token)])
app.include_router(items.router)


@app.get("/")
async def root():
    return {"message": "Hello Bigger Applications!"}
