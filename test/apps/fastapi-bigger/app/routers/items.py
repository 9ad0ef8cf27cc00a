from fastapi import APIRouter

router = APIRouter(prefix="/items")


@router.get("/")
async def read_items():
    return []
