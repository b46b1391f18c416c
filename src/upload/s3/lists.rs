//! What the storage says of uploads that were begun and not finished.
//!
//! The client has no call for these two questions, so they are asked here, signed by the
//! client's own signature. An answer is read up to [`ANSWER_MAX`] bytes and one page of
//! it: the storage answers with a thousand entries at most.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, Response, StatusCode};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::multipart::PartId;
use object_store::path::Path;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::{S3Settings, SendError};
use super::unavailable;
use crate::rt::with_causes;

/// Longest answer: a thousand entries of a kilobyte.
const ANSWER_MAX: usize = 1 << 20;

/// Longest time for an answer.
const LIST_MAX: Duration = Duration::from_secs(30);

/// Asks the storage.
pub(super) struct Lists {
    client: HttpClient,
    credential: AwsCredential,
    region: String,
    bucket: Url,
}

/// An upload that was begun and not finished.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    /// Name of the object.
    pub key: String,
    /// Names the upload.
    pub upload_id: String,
}

/// A part that is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    /// From 1 on.
    pub part_number: usize,
    /// Bytes.
    pub size: u64,
    #[serde(rename = "ETag")]
    e_tag: String,
    #[serde(rename = "ChecksumSHA256", default)]
    checksum_sha256: Option<String>,
}

#[derive(Deserialize)]
struct BegunList {
    #[serde(rename = "Upload", default)]
    uploads: Vec<Begun>,
}

#[derive(Deserialize)]
struct PartList {
    #[serde(rename = "Part", default)]
    parts: Vec<Part>,
}

/// A part as the client's `complete_multipart` takes it: object_store 0.14 reads its
/// `content_id` as this element.
#[derive(Serialize)]
struct PartMetadata<'a> {
    e_tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_sha256: Option<&'a str>,
}

impl Part {
    /// For the client.
    pub fn id(&self) -> PartId {
        let metadata =
            PartMetadata { e_tag: &self.e_tag, checksum_sha256: self.checksum_sha256.as_deref() };
        // Without the element the client takes the tag alone.
        let content_id = quick_xml::se::to_string(&metadata).unwrap_or_else(|_| self.e_tag.clone());
        PartId { content_id }
    }
}

impl Lists {
    /// For the bucket of these settings. `None` when its address is none.
    pub fn new(settings: &S3Settings, client: HttpClient) -> Option<Self> {
        let mut bucket = Url::parse(&settings.endpoint).ok()?;
        bucket.path_segments_mut().ok()?.pop_if_empty().push(&settings.bucket);
        let credential = AwsCredential {
            key_id: settings.access_key.clone(),
            secret_key: settings.secret_key.expose().to_owned(),
            token: None,
        };
        Some(Self { client, credential, region: settings.region.clone(), bucket })
    }

    /// Uploads of objects below `prefix`.
    pub async fn begun(&self, prefix: &Path) -> Result<Vec<Begun>, SendError> {
        let mut url = self.bucket.clone();
        url.query_pairs_mut()
            .append_pair("uploads", "")
            .append_pair("prefix", &format!("{prefix}/"));
        Ok(self.ask::<BegunList>(url).await?.map(|list| list.uploads).unwrap_or_default())
    }

    /// Parts of an upload that are there, in their order; `None` when there is no such
    /// upload any more.
    pub async fn parts(&self, object: &Path, upload: &str) -> Result<Option<Vec<Part>>, SendError> {
        let mut url = self.bucket.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(object.parts().map(|part| part.as_ref().to_owned()));
        }
        url.query_pairs_mut().append_pair("uploadId", upload);
        Ok(self.ask::<PartList>(url).await?.map(|list| list.parts))
    }

    /// `None` when it is not there, or nothing is told about it.
    async fn ask<T: DeserializeOwned>(&self, url: Url) -> Result<Option<T>, SendError> {
        let bad = |error: &dyn std::error::Error| unavailable(with_causes(error));
        let mut request = Request::get(url.as_str())
            .body(HttpRequestBody::empty())
            .map_err(|error| bad(&error))?;
        AwsAuthorizer::new(&self.credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| bad(&error))?;
        let answer = async {
            let (head, body) =
                self.client.execute(request).await.map_err(|error| bad(&error))?.into_parts();
            let limited = Limited::new(body, ANSWER_MAX).collect().await;
            let body = limited.map_err(|error| unavailable(format!("the answer: {error}")))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let answer = tokio::time::timeout(LIST_MAX, answer).await;
        let answer = answer.map_err(|_| unavailable("no answer in time".to_owned()))??;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            // Some storages do not know the question, and some keys may not ask it: then
            // an upload begins anew. Whether it may be written is said by the next step.
            StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            status if status.is_success() => quick_xml::de::from_reader(&answer.body()[..])
                .map(Some)
                .map_err(|error| bad(&error)),
            status => Err(unavailable(format!("the storage answers {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_the_storage_lists_them_and_given_on_as_the_client_takes_them() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>boxes</Bucket><Key>a/b.mp4</Key><UploadId>u1</UploadId>
              <Part><PartNumber>1</PartNumber><ETag>"7778"</ETag><Size>5242880</Size>
                <ChecksumSHA256>AAA=</ChecksumSHA256></Part>
              <Owner><ID>x</ID></Owner>
              <Part><PartNumber>2</PartNumber><ETag>"aaaa"</ETag><Size>5</Size></Part>
              <IsTruncated>false</IsTruncated></ListPartsResult>"#;
        let list: PartList = quick_xml::de::from_str(text).unwrap();
        let sizes: Vec<_> = list.parts.iter().map(|part| (part.part_number, part.size)).collect();
        assert_eq!(sizes, [(1, 5_242_880), (2, 5)]);
        let ids: Vec<_> = list.parts.iter().map(|part| part.id().content_id).collect();
        assert!(ids[0].contains("<checksum_sha256>AAA=</checksum_sha256>"), "{}", ids[0]);
        assert!(ids[1].contains("<e_tag>\"aaaa\"</e_tag>"), "{}", ids[1]);
        assert!(!ids[1].contains("checksum"), "{}", ids[1]);
    }

    #[test]
    fn uploads_are_read_as_the_storage_lists_them() {
        let text = "<ListMultipartUploadsResult><Bucket>b</Bucket>\
            <Upload><Key>a/b</Key><UploadId>u1</UploadId><StorageClass>S</StorageClass></Upload>\
            <Upload><Key>a/c</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>";
        let list: BegunList = quick_xml::de::from_str(text).unwrap();
        let found: Vec<_> =
            list.uploads.iter().map(|it| (it.key.as_str(), it.upload_id.as_str())).collect();
        assert_eq!(found, [("a/b", "u1"), ("a/c", "u2")]);
        let none = "<ListMultipartUploadsResult><Bucket>b</Bucket></ListMultipartUploadsResult>";
        assert!(quick_xml::de::from_str::<BegunList>(none).unwrap().uploads.is_empty());
    }
}
