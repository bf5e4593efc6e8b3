import asyncio

from my_application.routes.news import News, publish, subscribe, subscribers


def test_subscribers_receive_published_news() -> None:
    async def listen() -> News:
        stream = subscribe()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await publish(News(text="open"))
        news = await first
        await stream.aclose()
        return news

    assert asyncio.run(listen()) == News(text="open")
    assert subscribers == set()
