//! Who may do what, from where, and how much: through real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Appliance, OPERATOR_KEY, VIEWER_KEY, event, read_answer, with_keys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use watchpost::api::ApiSettings;

#[tokio::test]
async fn a_key_opens_the_door_in_each_of_its_places_and_nothing_else_does() {
    let appliance = Appliance::with(with_keys()).await;
    let bearer = format!("Bearer {VIEWER_KEY}");
    let query = format!("/api/cameras?api_key={VIEWER_KEY}");
    let get = async |path: &str, headers: &[(&str, &str)]| {
        appliance.request("GET", path, headers, "").await.status
    };
    assert_eq!(get("/api/cameras", &[("X-API-Key", VIEWER_KEY)]).await, 200);
    assert_eq!(get("/api/cameras", &[("Authorization", &bearer)]).await, 200);
    assert_eq!(get(&query, &[]).await, 200);
    assert_eq!(get("/api/cameras", &[]).await, 401);
    assert_eq!(get("/api/cameras", &[("X-API-Key", "viewer-key-012345678")]).await, 401);
    assert_eq!(get("/api/cameras?api_key=", &[]).await, 401);
    appliance.finished().await;
}

#[tokio::test]
async fn a_viewer_may_look_but_not_mark() {
    let appliance = Appliance::with(with_keys()).await;
    appliance.store.events.lock().unwrap().push(event(1, 0));
    let body = r#"{"reviewed":true}"#;
    let patch = async |key: &str| {
        appliance.request("PATCH", "/api/events/1", &[("X-API-Key", key)], body).await
    };
    let refused = patch(VIEWER_KEY).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &"role_too_low".into()));
    assert_eq!(patch(OPERATOR_KEY).await.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn probes_need_no_key_and_tell_strangers_no_names() {
    let appliance = Appliance::with(with_keys()).await;
    appliance.health.component("camera.front_door").healthy("rtsp://10.0.0.7 delivers");
    for path in ["/health", "/ready", "/api/system/health/live", "/api/system/health/ready"] {
        assert_eq!(appliance.get(path).await.status, 200, "{path}");
    }
    let stranger = appliance.get("/api/system/health").await;
    assert_eq!((stranger.status, &stranger.json()["services"]), (200, &serde_json::json!({})));
    let path = format!("/api/system/health?api_key={VIEWER_KEY}");
    assert!(appliance.get(&path).await.text().contains("camera.front_door"));
    for path in ["/metrics", "/api/system/health/full", "/api/server/status"] {
        assert_eq!(appliance.get(path).await.status, 401, "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_new_key_holds_from_the_next_request_on() {
    let appliance = Appliance::start().await;
    assert_eq!(appliance.get("/api/cameras").await.status, 200);
    appliance.settings.store(std::sync::Arc::new(with_keys()));
    assert_eq!(appliance.get("/api/cameras").await.status, 401);
    appliance.finished().await;
}

#[tokio::test]
async fn a_host_that_the_box_is_not_is_refused() {
    let settings =
        ApiSettings { host_names: vec!["watchpost.local".into()], ..ApiSettings::default() };
    let appliance = Appliance::with(settings).await;
    for (host, status) in [
        ("watchpost.local:8080", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("rebound.example:8080", 403),
        ("127.0.0.1.example", 403),
    ] {
        let answer = appliance.request("GET", "/health", &[("Host", host)], "").await;
        assert_eq!(answer.status, status, "{host}");
    }
    let absolute = b"GET http://rebound.example/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    assert_eq!(appliance.raw(absolute).await.status, 403);
    let two = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n";
    assert_eq!(appliance.raw(two).await.status, 400);
    appliance.finished().await;
}

#[tokio::test]
async fn a_foreign_page_may_neither_act_nor_read_on_an_open_box() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(1, 0));
    let foreign = [("Origin", "https://evil.example")];
    let body = r#"{"reviewed":true}"#;
    let answer = appliance.request("PATCH", "/api/events/1", &foreign, body).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (403, &"origin_not_allowed".into())
    );
    let answer = appliance.request("GET", "/api/cameras", &foreign, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None, "the browser keeps it");
    let embedded = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(appliance.request("GET", "/api/cameras", &embedded, "").await.status, 403);
    let followed = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(appliance.request("GET", "/", &followed, "").await.status, 200);
    let own = format!("http://{}", appliance.address);
    let answer = appliance.request("PATCH", "/api/events/1", &[("Origin", &own)], body).await;
    assert_eq!(answer.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn a_page_anywhere_that_holds_a_key_may_read() {
    let appliance = Appliance::with(with_keys()).await;
    let headers = [("Origin", "https://dashboard.example"), ("X-API-Key", VIEWER_KEY)];
    let answer = appliance.request("GET", "/api/cameras", &headers, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    appliance.finished().await;
}

#[tokio::test]
async fn every_answer_carries_the_protective_headers() {
    let appliance = Appliance::start().await;
    for path in ["/", "/api/cameras", "/api/nothing"] {
        let answer = appliance.get_json(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';"), "{path}: {policy}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_options_are_answered_as_json_says() {
    let appliance = Appliance::start().await;
    let unknown = appliance.get("/api/nothing").await;
    assert_eq!((unknown.status, &unknown.json()["success"]), (404, &false.into()));
    let wrong = appliance.request("DELETE", "/api/events/1", &[], "").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD, OPTIONS, PATCH")));
    assert_eq!(wrong.json()["success"], false);
    let page = appliance.request("POST", "/", &[], "").await;
    assert_eq!((page.status, page.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for path in ["/api/cameras", "/api/nothing"] {
        let options = appliance.request("OPTIONS", path, &[], "").await;
        assert_eq!((options.status, options.body.len()), (204, 0), "{path}");
        assert_eq!(options.header("access-control-allow-origin"), Some("*"));
        assert_eq!(options.header("access-control-allow-headers"), Some("*"));
    }
    let head = appliance.request("HEAD", "/api/cameras", &[], "").await;
    let get = appliance.get("/api/cameras").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    appliance.finished().await;
}

#[tokio::test]
async fn too_large_heads_and_bodies_are_refused() {
    let appliance = Appliance::start().await;
    let junk = "x".repeat(32 << 10);
    let head = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Junk: {junk}\r\n\r\n");
    assert_eq!(appliance.raw(head.as_bytes()).await.status, 431);
    let many = "A: b\r\n".repeat(200);
    let head = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{many}\r\n");
    assert_eq!(appliance.raw(head.as_bytes()).await.status, 431);

    let body = format!(r#"{{"reviewed":true,"pad":"{}"}}"#, "x".repeat(65 << 10));
    let answer = appliance.request("PATCH", "/api/events/1", &[], &body).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &"body_too_large".into()));
    let chunked = format!(
        "PATCH /api/events/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        body.len(),
        body
    );
    assert_eq!(appliance.raw(chunked.as_bytes()).await.status, 413);
    appliance.finished().await;
}

#[tokio::test]
async fn garbage_instead_of_http_harms_nobody() {
    let appliance = Appliance::start().await;
    let mut seed = fastrand::Rng::with_seed(7);
    for _ in 0..50 {
        let mut stream = appliance.connect().await;
        let garbage: Vec<u8> = (0..seed.usize(1..2000)).map(|_| seed.u8(..)).collect();
        let _ = stream.write_all(&garbage).await;
        let _ = stream.shutdown().await;
        let _ =
            tokio::time::timeout(api_support::PATIENCE, stream.read_to_end(&mut Vec::new())).await;
    }
    assert_eq!(appliance.get("/health").await.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn one_address_and_the_box_have_so_many_connections() {
    for (settings, status, word) in [
        (ApiSettings { connections_per_ip_max: 2, ..ApiSettings::default() }, 429, "this address"),
        (ApiSettings { connections_max: 2, ..ApiSettings::default() }, 503, "no more clients"),
    ] {
        let appliance = Appliance::with(settings).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = appliance.stream("/api/events").await;
            api_support::read_until(&mut stream, "\n\n").await;
            held.push(stream);
        }
        let refused = appliance.get("/health").await;
        assert_eq!((refused.status, refused.header("retry-after")), (status, Some("5")));
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{detail}");
        let total = appliance.metrics.counter("watchpost_http_connections_refused_total", "", &[]);
        assert_eq!(total.value(), 1);
        appliance.finished().await;
    }
}

#[tokio::test]
async fn a_place_that_becomes_free_is_given_to_the_next() {
    let settings = ApiSettings { connections_per_ip_max: 1, ..ApiSettings::default() };
    let appliance = Appliance::with(settings).await;
    let gauge = appliance.metrics.gauge("watchpost_http_connections", "", &[]);
    for _ in 0..5 {
        assert_eq!(appliance.get("/health").await.status, 200);
        // The place is given back when the server has seen the end as well.
        tokio::time::timeout(api_support::PATIENCE, async {
            while gauge.value() > 0.0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
    appliance.finished().await;
}

#[tokio::test]
async fn clients_that_never_finish_a_request_are_cut_off_when_the_box_stops() {
    let appliance = Appliance::start().await;
    let mut half_open = Vec::new();
    for beginning in ["", "GET /health HT", "PATCH /api/events/1 HTTP/1.1\r\nContent-Length: 9\r\n"]
    {
        let mut stream = appliance.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        half_open.push(stream);
    }
    assert_eq!(appliance.get("/health").await.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.connect().await;
    let request = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        api_support::read_until(&mut stream, "{\"status\":\"alive\"}").await;
    }
    let last = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    stream.write_all(last.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn an_unhealthy_box_is_not_ready_but_a_blind_camera_alone_is() {
    let appliance = Appliance::start().await;
    let camera = appliance.health.component("camera.yard");
    camera.unhealthy("no route", "check the cable");
    assert_eq!(appliance.get("/ready").await.status, 200);
    assert_eq!(appliance.get("/api/system/health").await.status, 503);
    appliance.health.component("store").unhealthy("disk full", "free space");
    let answer = appliance.get("/ready").await;
    assert_eq!((answer.status, answer.text()), (503, r#"{"ready":false,"status":"not_ready"}"#));
    assert_eq!(appliance.get("/health").await.status, 200);
    appliance.finished().await;
}

#[tokio::test]
async fn the_front_page_is_there_and_known_the_second_time() {
    let appliance = Appliance::start().await;
    let page = appliance.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(appliance.get("/assets/index.html").await.body, page.body);
    let etag = [("If-None-Match", page.header("etag").unwrap())];
    assert_eq!(appliance.request("GET", "/", &etag, "").await.status, 304);
    for path in ["/../Cargo.toml", "/assets/../../etc/passwd", "/%2e%2e/Cargo.toml"] {
        assert_eq!(appliance.get(path).await.status, 404, "{path}");
    }
    appliance.finished().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_given_up() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.connect().await;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(api_support::PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    appliance.finished().await;
}
