use warp::Filter;

#[tokio::main]
async fn main() {
    warp::serve(warp::any().map(|| "hi")).run(([0, 0, 0, 0], 3030)).await;
}
