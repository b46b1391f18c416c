// Client library of the box, served at `/client/index.js`: cameras, live
// pictures, events, detections and figures, in a browser or in Node 22 and
// later (whose globals include fetch, streams and WebSocket; older ones may hand
// in a `WebSocket`).
//
//     import { CameraManager, EventsSocket } from "http://box:8080/client/index.js";
//
// Everything takes the same options: `baseUrl`, by default the page's own
// origin, and `apiKey`, needed when the box has keys. Everything reconnects by
// itself and says so, and holds only a bounded number of things in memory.

export { CameraControl } from "./camera-control.js";
export { CameraManager } from "./camera-manager.js";
export { Api, ApiError } from "./http.js";
export { LiveView } from "./live-view.js";
export { EventStream } from "./sse.js";
export { StillView } from "./still-view.js";
export { DetectionsSocket, EventsSocket, JobLogSocket, SystemSocket } from "./sockets.js";
export { ReconnectingSocket } from "./socket.js";
