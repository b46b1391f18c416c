//! All routes, in one list.

use super::Role::{Admin, Operator, Public, Viewer};
use super::rest::{
    alert_rules, alerts, analysis, camera_edits, cameras, clips, config, counts, detections,
    events, exports, fleet, health, jobs, pictures, recordings, scene_changes, server, stills,
    system, upload,
};
use super::route::Route;
use super::sdk::server as sdk_server;
use super::sdk::{
    actions, connection, focus, live_view, priority_key, properties, refused, sd_card, settings,
};
use super::{spec, sse, ws};

/// Every route of the service. What is not here is a file of the dashboard.
pub(super) fn all() -> Vec<Route> {
    vec![
        // Camera SDK and realtime API: cameras.
        Route::get("/api/cameras", Viewer, cameras::list),
        Route::post("/api/cameras", Admin, camera_edits::create),
        Route::get("/api/cameras/{camera_id}", Viewer, cameras::one),
        Route::patch("/api/cameras/{camera_id}", Admin, camera_edits::change),
        Route::delete("/api/cameras/{camera_id}", Admin, camera_edits::remove),
        Route::get("/api/cameras/{camera_id}/events", Viewer, sse::of_camera),
        Route::get("/api/cameras/{camera_id}/snapshot", Viewer, pictures::latest),
        Route::get("/api/cameras/{camera_id}/stream.mjpeg", Viewer, pictures::stream),
        Route::get("/api/cameras/{camera_id}/stills", Viewer, stills::list),
        Route::get("/api/cameras/{camera_id}/stills/{still_id}", Viewer, stills::file),
        Route::delete("/api/cameras/{camera_id}/stills/{still_id}", Operator, stills::remove),
        Route::get("/api/cameras/{camera_id}/scene-changes", Viewer, scene_changes::list),
        Route::post(
            "/api/cameras/{camera_id}/scene-changes/{id}/acknowledge",
            Operator,
            scene_changes::acknowledge,
        ),
        // Camera SDK: sessions.
        Route::get("/api/cameras/{camera_id}/connection", Viewer, connection::status),
        Route::post("/api/cameras/{camera_id}/connection", Operator, connection::connect),
        Route::delete("/api/cameras/{camera_id}/connection", Operator, connection::disconnect),
        Route::get("/api/cameras/{camera_id}/fingerprint", Viewer, connection::fingerprint),
        // Camera SDK: properties.
        Route::get("/api/cameras/{camera_id}/properties/all", Viewer, properties::all),
        Route::get("/api/cameras/{camera_id}/properties/{name}", Viewer, properties::one),
        Route::put("/api/cameras/{camera_id}/properties/{name}", Operator, properties::set),
        Route::get("/api/cameras/{camera_id}/priority-key", Viewer, priority_key::show),
        Route::put("/api/cameras/{camera_id}/priority-key", Operator, priority_key::set),
        // Camera SDK: actions.
        Route::post("/api/cameras/{camera_id}/actions/shutter", Operator, actions::shutter),
        Route::post("/api/cameras/{camera_id}/actions/half-press", Operator, actions::half_press),
        Route::post("/api/cameras/{camera_id}/actions/af-shutter", Operator, actions::af_shutter),
        Route::post("/api/cameras/{camera_id}/actions/zoom", Operator, actions::zoom),
        Route::post(
            "/api/cameras/{camera_id}/actions/focus-near-far",
            Operator,
            actions::focus_near_far,
        ),
        Route::post("/api/cameras/{camera_id}/actions/movie-rec", Operator, actions::movie_rec),
        Route::post("/api/cameras/{camera_id}/actions/button", Operator, refused::button),
        Route::post("/api/cameras/{camera_id}/actions/touch", Operator, refused::touch),
        Route::post(
            "/api/cameras/{camera_id}/actions/touch-cancel",
            Operator,
            refused::touch_cancel,
        ),
        Route::post("/api/cameras/{camera_id}/actions/{action}", Operator, actions::unknown),
        // Camera SDK: focus, live view.
        Route::get("/api/cameras/{camera_id}/af-area-position", Viewer, focus::area),
        Route::put("/api/cameras/{camera_id}/af-area-position", Operator, focus::set_area),
        Route::get("/api/cameras/{camera_id}/tracking-frame", Viewer, focus::tracking),
        Route::post("/api/cameras/{camera_id}/live-view/enable", Operator, live_view::enable),
        Route::post("/api/cameras/{camera_id}/live-view/disable", Operator, live_view::disable),
        Route::post("/api/cameras/{camera_id}/live-view/start", Operator, live_view::start),
        Route::post("/api/cameras/{camera_id}/live-view/stop", Operator, live_view::stop),
        Route::get("/api/cameras/{camera_id}/live-view/status", Viewer, live_view::status),
        Route::get("/api/cameras/{camera_id}/live-view/frame", Viewer, live_view::frame),
        Route::post(
            "/api/cameras/{camera_id}/live-view/osd-enable",
            Operator,
            live_view::osd_enable,
        ),
        Route::post(
            "/api/cameras/{camera_id}/live-view/osd-disable",
            Operator,
            live_view::osd_disable,
        ),
        Route::get("/api/cameras/{camera_id}/live-view/osd-status", Viewer, live_view::osd_status),
        Route::get("/api/cameras/{camera_id}/live-view/osd-frame", Viewer, live_view::osd_frame),
        // Camera SDK: cards, files.
        Route::get("/api/cameras/{camera_id}/sd-card/slot/{slot}/files", Viewer, sd_card::list),
        Route::post(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/download",
            Operator,
            sd_card::download,
        ),
        Route::post(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/thumbnail",
            Operator,
            sd_card::thumbnail,
        ),
        Route::post(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/screennail",
            Operator,
            sd_card::screennail,
        ),
        Route::get("/api/cameras/{camera_id}/settings/save-info", Viewer, settings::save_info),
        Route::put(
            "/api/cameras/{camera_id}/settings/save-info",
            Operator,
            settings::set_save_info,
        ),
        Route::get("/api/cameras/{camera_id}/settings/files", Viewer, settings::files),
        Route::post("/api/cameras/{camera_id}/settings/download", Operator, refused::settings_file),
        Route::post("/api/cameras/{camera_id}/settings/upload", Operator, refused::settings_file),
        Route::post("/api/cameras/{camera_id}/lut/import", Operator, refused::lut),
        // Realtime API: records.
        Route::get("/api/events", Viewer, sse::of_all),
        Route::get("/api/events/analyze/{batch_id}/stream", Viewer, analysis::stream),
        Route::get("/api/events/stats", Viewer, counts::events),
        Route::get("/api/events/timeline-summary", Viewer, counts::timeline),
        Route::get("/api/events/{id}", Viewer, events::one),
        Route::patch("/api/events/{id}", Operator, events::change),
        Route::get("/api/events/{id}/detections", Viewer, events::detections),
        Route::get("/api/events/{id}/snapshot", Viewer, pictures::event_snapshot),
        Route::get("/api/events/{id}/clip", Viewer, clips::of_event),
        Route::get("/api/cameras/{camera_id}/recording", Viewer, recordings::play),
        Route::get("/api/cameras/{camera_id}/recording/spans", Viewer, recordings::spans),
        Route::get("/api/events/{id}/thumbnail", Viewer, pictures::event_thumbnail),
        Route::get("/api/detections", Viewer, detections::list),
        Route::get("/api/detections/stats", Viewer, counts::detections),
        Route::get("/api/detections/labels", Viewer, counts::labels),
        Route::get("/api/detections/{id}", Viewer, detections::one),
        Route::get("/api/detections/{id}/image", Viewer, pictures::detection_image),
        Route::get("/api/detections/{id}/thumbnail", Viewer, pictures::detection_thumbnail),
        // Realtime API: alerts.
        Route::get("/api/alerts", Viewer, alerts::list),
        Route::get("/api/alerts/{id}", Viewer, alerts::one),
        Route::post("/api/alerts/{id}/acknowledge", Operator, alerts::acknowledge),
        Route::post("/api/alerts/{id}/dismiss", Operator, alerts::dismiss),
        Route::get("/api/alerts/rules", Viewer, alert_rules::list),
        Route::post("/api/alerts/rules", Operator, alert_rules::create),
        Route::get("/api/alerts/rules/{id}", Viewer, alert_rules::one),
        Route::put("/api/alerts/rules/{id}", Operator, alert_rules::change),
        Route::delete("/api/alerts/rules/{id}", Operator, alert_rules::remove),
        Route::post("/api/alerts/rules/{id}/test", Viewer, alert_rules::test),
        // Realtime API: long work.
        Route::get("/api/jobs", Viewer, jobs::list),
        Route::post("/api/jobs", Operator, jobs::start),
        Route::get("/api/jobs/types", Viewer, jobs::types),
        Route::get("/api/jobs/stats", Viewer, jobs::stats),
        Route::get("/api/jobs/{id}", Viewer, jobs::one),
        Route::post("/api/jobs/{id}/cancel", Operator, jobs::cancel),
        Route::get("/api/jobs/{id}/logs", Viewer, jobs::logs),
        Route::get("/api/exports", Viewer, exports::list),
        Route::post("/api/exports", Operator, exports::start),
        Route::post("/api/events/export", Operator, exports::start),
        Route::get("/api/exports/{id}", Viewer, jobs::one),
        Route::delete("/api/exports/{id}", Operator, exports::remove),
        Route::get("/api/exports/{id}/download", Viewer, exports::download),
        // Probes, figures.
        Route::get("/health", Public, health::alive),
        Route::get("/ready", Public, health::ready),
        Route::get("/api/system/health", Public, health::overall),
        Route::get("/api/system/health/live", Public, health::alive),
        Route::get("/api/system/health/ready", Public, health::ready_in_detail),
        Route::get("/api/system/health/full", Viewer, health::full),
        Route::get("/api/system/health/websocket", Viewer, health::websocket),
        Route::get("/api/debug/websocket/connections", Viewer, health::websocket_connections),
        Route::get("/api/system/config", Viewer, config::show),
        Route::patch("/api/system/config", Admin, config::change),
        Route::get("/api/system/stats", Viewer, system::stats),
        Route::get("/api/system/storage", Viewer, system::storage),
        Route::get("/api/system/pipeline", Viewer, system::pipeline),
        Route::get("/api/system/telemetry", Viewer, system::pipeline),
        Route::get("/api/system/fleet", Viewer, fleet::status),
        Route::get("/api/system/upload", Viewer, upload::status),
        Route::post("/api/system/upload/{upstream}/retry", Operator, upload::retry),
        Route::get("/api/server/status", Viewer, server::status),
        Route::get("/api/server/logs", Operator, sdk_server::logs),
        Route::post("/api/server/shutdown", Admin, sdk_server::shutdown),
        Route::get("/metrics", Viewer, server::metrics),
        Route::get("/api/metrics", Viewer, server::metrics),
        // What the service says of itself.
        Route::get("/api/system/websocket/events", Viewer, spec::websocket_events),
        Route::get("/api/openapi.json", Public, spec::openapi),
        Route::get("/api/asyncapi.json", Public, spec::asyncapi),
        // WebSockets.
        Route::get("/ws/events", Viewer, ws::events),
        Route::get("/ws/system", Viewer, ws::system),
        Route::get("/ws/detections", Viewer, ws::detections),
        Route::get("/ws/jobs/{job_id}/logs", Viewer, ws::job_logs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route::Table;

    #[test]
    fn no_two_routes_are_in_each_others_way() {
        let _ = Table::new(all());
    }
}
