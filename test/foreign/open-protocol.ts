// Which of the public suite of the Durable Streams protocol applies to a channel's URL, and why the rest of it does not.

/** Its groups that are about reading; the others are about writing, producers, forks, closed streams and lives of streams. */
export const READING_GROUPS: readonly string[] = [
  'JSON Mode',
  'SSE Mode',
  'Long-Poll Edge Cases',
  'Offset Validation and Resumability',
  'Caching and ETag',
  'Browser Security Headers',
  'HEAD Metadata',
  'HEAD Metadata Edge Cases',
  'HTTP Protocol',
  'Protocol Edge Cases',
];

/** What a test is about that does not apply. */
export const REASONS = {
  writes: 'channels are published on through Redis or by POST /v1/publish, not by PUT, POST and DELETE at their URL',
  types: 'what is published is one JSON value: there are no streams of text or bytes, whose bodies these compare',
  absent: 'a channel is there as soon as somebody may read it, and needs no creation',
  origin: "pages of origins that are not the operator's may read what is public alone",
} as const;

export interface NotApplying {
  readonly group: string;
  readonly reason: keyof typeof REASONS;
  readonly titles: readonly string[];
}

export const NOT_APPLYING: readonly NotApplying[] = [
  {
    group: 'JSON Mode',
    reason: 'writes',
    titles: [
      'should reject POST with empty array body',
      'should reject invalid JSON with 400',
      'should reject empty JSON arrays with 400',
    ],
  },
  {
    group: 'SSE Mode',
    reason: 'types',
    titles: [
      'base64 SSE catch-up pairs every data event with a control event',
      'should handle newlines in text/plain payloads',
      'should prevent CRLF injection in payloads - embedded event boundaries become literal data',
      'should auto-detect binary streams and return base64 encoded data in SSE mode',
      'should include Stream-SSE-Data-Encoding header for binary streams',
      'should handle large binary payload with auto-detected base64 encoding',
      'should handle binary data with special bytes using auto-detected base64 encoding',
      'should auto-detect base64 encoding for application/x-protobuf streams',
      'should auto-detect base64 encoding for image/png streams',
    ],
  },
  {
    group: 'Long-Poll Edge Cases',
    reason: 'types',
    titles: ['should return immediately with Stream-Up-To-Date when data exists at offset'],
  },
  {
    group: 'Offset Validation and Resumability',
    reason: 'types',
    titles: [
      'should accept -1 as sentinel for stream beginning',
      'should return same data for offset=-1 and no offset',
      'should accept offset=now as sentinel for current tail position',
      'should be able to resume from offset=now result',
      'should work with offset=now on empty stream',
      'should return empty body for offset=now on non-JSON streams',
      'should support offset=now with long-poll on empty stream',
      'should support resumable reads (no duplicate data)',
      'should return empty response when reading from tail offset',
    ],
  },
  {
    group: 'Offset Validation and Resumability',
    reason: 'absent',
    titles: [
      'should return 404 for offset=now on non-existent stream',
      'should return 404 for offset=now with long-poll on non-existent stream',
      'should return 404 for offset=now with SSE on non-existent stream',
    ],
  },
  {
    group: 'Caching and ETag',
    reason: 'types',
    titles: ['should return 200 for non-matching If-None-Match'],
  },
  {
    group: 'Caching and ETag',
    reason: 'origin',
    titles: ['should allow If-None-Match in CORS preflight responses'],
  },
  {
    group: 'Browser Security Headers',
    reason: 'writes',
    titles: [
      'should include X-Content-Type-Options: nosniff on PUT responses',
      'should include X-Content-Type-Options: nosniff on POST responses',
    ],
  },
  {
    group: 'Browser Security Headers',
    reason: 'absent',
    titles: ['should include security headers on error responses'],
  },
  {
    group: 'HEAD Metadata',
    reason: 'types',
    titles: ['should return metadata without body'],
  },
  {
    group: 'HEAD Metadata',
    reason: 'absent',
    titles: ['should return 404 for non-existent stream'],
  },
  {
    group: 'HEAD Metadata Edge Cases',
    reason: 'writes',
    titles: ['should return TTL metadata if configured'],
  },
  {
    group: 'HTTP Protocol',
    reason: 'writes',
    titles: [
      'should return 200 on idempotent PUT with same config',
      'should return 409 on PUT with different config',
      'should return 404 on POST to non-existent stream',
      'should return 409 on content-type mismatch',
      'should return 404 on DELETE non-existent stream',
      'should return 204 on successful DELETE',
      'should enforce sequence ordering',
      'should enforce lexicographic seq ordering ("2" then "10" rejects)',
      'should reject duplicate seq values',
    ],
  },
  {
    group: 'HTTP Protocol',
    reason: 'types',
    titles: [
      'should return correct headers on GET',
      'should return empty body with up-to-date for empty stream',
      'should read from offset',
    ],
  },
  {
    group: 'Protocol Edge Cases',
    reason: 'writes',
    titles: [
      'should reject empty POST body with 400',
      'should enforce case-sensitive seq ordering',
      'should return Location header on 201',
      'should reject missing Content-Type on POST',
    ],
  },
  {
    group: 'Protocol Edge Cases',
    reason: 'types',
    titles: [
      'should handle PUT with initial body correctly',
      'should preserve data immutability by position',
      'should handle binary data with integrity',
      'should ignore unknown query parameters',
    ],
  },
];
