// What the box sends, as types. Fields the box may add later are left alone.

/**
 * A camera, with the fields of both contracts.
 *
 * @typedef {object} Camera
 * @property {string} id
 * @property {string} [name] for people
 * @property {string} [model]
 * @property {string} [connectionType]
 * @property {boolean} [connected]
 * @property {"online" | "offline" | "error" | "unknown"} [status]
 * @property {boolean} [enabled] false when somebody has switched it off
 * @property {string | null} [reason] why it is not online
 * @property {string | null} [next_step] what a person should do about it
 * @property {string} [folder_path] the source, without credentials
 * @property {number | null} [width] pixels
 * @property {number | null} [height] pixels
 * @property {number | null} [fps] frames per second that arrive
 * @property {{element: string, hardware: boolean, failed: string | null} | null} [decoder]
 *   what decodes its stream
 * @property {"continuous" | "off" | "no_video"} [recording] whether all of its video is kept
 * @property {string} [created_at]
 * @property {string | null} [last_seen_at] when the last picture came
 */

/**
 * Something that happened in front of a camera.
 *
 * @typedef {object} SecurityEvent
 * @property {number} id
 * @property {string} camera_id
 * @property {string} [batch_id]
 * @property {number} [revision] one more with each update
 * @property {number} risk_score 0 to 100
 * @property {"low" | "medium" | "high" | "critical"} risk_level
 * @property {string} summary
 * @property {string} [reasoning]
 * @property {string} started_at
 * @property {string | null} [ended_at] absent while it goes on
 * @property {string} [updated_at]
 * @property {string} [object_type] class of the object
 * @property {number} [confidence] 0 to 1
 * @property {string[]} [zones]
 * @property {number} [detection_count]
 * @property {boolean} [reviewed] a person has looked at it
 * @property {string | null} [notes] what a person wrote on it
 * @property {string | null} [snooze_until] until when a person does not want to see it
 * @property {boolean} [has_snapshot]
 * @property {Clip | null} [clip] its video; null where the camera has none
 * @property {boolean} [clock_trusted] false when the clock had not been set
 * @property {{ x: number, y: number, width: number, height: number }} [bbox] where the
 *   object is in the snapshot, as fractions of the picture
 */

/**
 * The video of an event: pre-roll, event, post-roll.
 *
 * @typedef {object} Clip
 * @property {"recording" | "ready" | "removed"} status while it is recorded, what there is so far can be fetched
 * @property {number} event_at_ms where in the video the event begins
 * @property {number | null} [duration_ms]
 * @property {number | null} [size_bytes]
 */

/**
 * One object in one frame.
 *
 * @typedef {object} Detection
 * @property {number} id
 * @property {string} camera_id
 * @property {string} object_type
 * @property {number} confidence 0 to 1
 * @property {string} detected_at
 * @property {number} bbox_x pixels
 * @property {number} bbox_y
 * @property {number} bbox_width
 * @property {number} bbox_height
 * @property {number} [track_id]
 * @property {number} [event_id]
 * @property {number} [frame_width] pixels
 * @property {number} [frame_height] pixels
 */

/**
 * Several objects in one frame.
 *
 * @typedef {object} DetectionBatch
 * @property {string} batch_id
 * @property {string} camera_id
 * @property {number} detection_count
 * @property {number[]} detection_ids
 * @property {string} timestamp
 */

/**
 * A camera's state changed.
 *
 * @typedef {object} CameraStatus
 * @property {string} camera_id
 * @property {string} camera_name
 * @property {string} event_type
 * @property {"online" | "offline" | "error" | "unknown"} status
 * @property {string | null} previous_status
 * @property {string | null} reason
 * @property {string} timestamp
 */

/**
 * Figures of the box. Where it has no graphics processor, `gpu` is the
 * inference engine.
 *
 * @typedef {object} SystemStatus
 * @property {{
 *   utilization: number | null,
 *   memory_used: number | null,
 *   memory_total: number | null,
 *   temperature: number | null,
 *   inference_fps: number | null,
 * }} gpu percent, MB, MB, Celsius, frames per second
 * @property {{ active: number, total: number }} cameras
 * @property {{ pending: number, processing: number }} queue
 * @property {HealthState} health
 */

/**
 * An event that a rule says somebody must see.
 *
 * @typedef {object} Alert
 * @property {string} id
 * @property {number} event_id
 * @property {string | null} [rule_id]
 * @property {"low" | "medium" | "high" | "critical"} severity
 * @property {"pending" | "delivered" | "acknowledged" | "dismissed"} status
 * @property {string} [dedup_key]
 * @property {string} created_at
 * @property {string} updated_at
 */

/**
 * The view of a camera is not what it was.
 *
 * @typedef {object} SceneChange
 * @property {number} id
 * @property {string} camera_id
 * @property {string} detected_at
 * @property {"view_blocked" | "angle_changed" | "view_tampered" | "unknown"} change_type
 * @property {number} similarity_score 0 to 1, 1 for the same view
 */

/**
 * A line of a job's log.
 *
 * @typedef {object} LogLine
 * @property {string} timestamp
 * @property {"DEBUG" | "INFO" | "WARNING" | "ERROR"} level
 * @property {string} message
 * @property {Record<string, any> | null} [context]
 */

/**
 * @typedef {"healthy" | "degraded" | "unhealthy"} HealthState
 *
 * A component's state changed.
 *
 * @typedef {object} ServiceStatus
 * @property {string} service
 * @property {HealthState | "restarting" | "restart_failed" | "failed"} status
 * @property {HealthState} [state] finer than `status`, whose words the contract fixes
 * @property {string} message
 * @property {string | null} [next_step]
 */

export {};
