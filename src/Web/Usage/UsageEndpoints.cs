using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Usage;

/// <summary>Usage ingestion.</summary>
static class UsageEndpoints
{
    /// <summary>
    /// Rejections listed in the reply; the counts are complete. Of a body as many as gateways send events at once, because their former versions count what is listed.
    /// </summary>
    const int ListedRejections = 500, ListedRejectionsOfStream = 100;

    const string QuarantineFullRetrySeconds = "300";

    const string DuplicatesReached = "Your organization has sent too many events again that were already counted. Retry-After says when it can go on.";

    const string SendAgain = "Send the whole stream again: events already counted or queued are not counted twice.";

    public static void MapUsage(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/usage", (HttpContext context, UsageCaller caller, UsageDeliveries deliveries, DuplicateRate rate, IngestUsage ingest, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Event, caller, deliveries, rate, ingest, ct))
            .WithTags("Usage").WithName("reportUsage").WithSummary("Report usage: one event, an array, NDJSON or a CloudEvents batch")
            .WithDescription(
                "An event is {id, occurred_at, user, session?, model, prompt_tokens, completion_tokens, cached_prompt_tokens?, cache_write_tokens?, reasoning_tokens?, "
                + "audio_tokens?, cache_hit?, reservation_id?, feature?, quantity?}. The optional kinds of tokens are parts of the two totals and change the cost, never the count; "
                + "with cache_hit true, an answer from the gateway's own cache, the cost is 0. Sign as specified by standardwebhooks.com and send the tenant ID in X-Tenant-Id, or send a tenant key as Bearer. The body is limited to 16 MiB and 10,000 events; NDJSON "
                + "sent with a key is not. An event ID is counted once, however often it is sent; IDs longer than 200 characters are stored as their beginning and a hash. Events that cannot be counted are quarantined; `rejected_total` is their number, and `rejected` lists the first 500, of a stream the first 100. While "
                + "the database is unavailable, events of recently verified senders are queued and counted later: `queued` is their number and is omitted when zero. Do not resend them. "
                + "A tenant may have 4 NDJSON streams and 256 other deliveries in progress. Beyond that, or while much of its data or one of its locks is in the way, the response is 429 "
                + "or 503 with Retry-After: send the same again. The response is also 429 when a tenant has "
                + "reported as many events on a UTC day as it may, and Retry-After is then the time until the next day; and when a tenant keeps sending events that were already counted.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json")
            .WithMetadata(BodyLimit.Usage);
        routes.MapPost("/v1/usage/litellm", (HttpContext context, UsageCaller caller, UsageDeliveries deliveries, DuplicateRate rate, IngestUsage ingest, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Litellm, caller, deliveries, rate, ingest, ct))
            .WithTags("Usage").WithName("reportLitellmUsage").WithSummary("Report usage as LiteLLM's standard logging payload, one or an array")
            .WithDescription(
                "Same authentication, limits and response as POST /v1/usage. Cached, reasoning and audio tokens are read from metadata.usage_object. What total_tokens or these details "
                + "count beyond prompt and completion is added to them. Answers from LiteLLM's cache (cache_hit) count and cost nothing. A failed call counts if its provider billed it: if it "
                + "has a completion or a response_cost. Calls for images (call_type) count with the feature image.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson")
            .WithMetadata(BodyLimit.Usage);
    }

    static async Task<Results<Ok<UsageReply>, ProblemHttpResult>> PostAsync(
        HttpContext context, UsageFormat format, UsageCaller caller, UsageDeliveries deliveries, DuplicateRate rate, IngestUsage ingest, CancellationToken ct)
    {
        Guid tenant;
        byte[]? whole = null;
        if (context.Request.Headers.Authorization.Count == 0)
        {
            (tenant, whole, var problem) = await caller.SignedAsync(context, ct);
            if (problem is not null)
            {
                return problem;
            }
        }
        else
        {
            var (sender, problem) = await caller.BearerAsync(context, ct);
            if (problem is not null)
            {
                return problem;
            }

            tenant = sender!.Value;
        }

        if (rate.WaitOf(tenant) is { } wait)
        {
            return TooManyDuplicates(context.Response, wait);
        }

        var isStream = whole is null && UsageBody.IsNdjson(context.Request);
        if (deliveries.TryStart(tenant, isStream) is not { } delivery)
        {
            return isStream ? TooManyStreams(context.Response) : TooManyDeliveries(context.Response);
        }

        // The body ends it, when the response is written. A request without one reads nothing.
        var body = context.Features.Get<BoundedBody>();
        using var ended = body is null ? delivery : null;
        if (isStream)
        {
            return await StreamAsync(context, format, tenant, delivery, caller, rate, ingest, ct);
        }

        body?.SetVerified(delivery);
        whole ??= (await UsageBody.ReadWholeAsync(context.Request, verifier: null, ct))!;
        return await RecordWholeAsync(context.Request, format, tenant, delivery, whole, rate, ingest, ct);
    }

    static async Task<Results<Ok<UsageReply>, ProblemHttpResult>> RecordWholeAsync(
        HttpRequest request, UsageFormat format, Guid tenant, UsageDelivery delivery, byte[] body, DuplicateRate rate, IngestUsage ingest, CancellationToken ct)
    {
        var reply = new UsageReply(ListedRejections);
        try
        {
            var submissions = await delivery.ParseAsync(
                () => UsageBody.IsNdjson(request) ? UsageParser.ParseLines(body, format) : UsageParser.ParseJson(body, format), ct);
            reply.Add(await ingest.RunAsync(tenant, submissions, ct));
            rate.Count(tenant, reply.Duplicates);
            return reply.NotKept > 0 ? QuarantineFull(request.HttpContext.Response, reply) : TypedResults.Ok(reply);
        }
        catch (InvalidDataException e)
        {
            return TypedResults.Problem(e.Message, statusCode: 413, title: "Too many events");
        }
        catch (JsonException) when (body.AsSpan().Trim(" \r\n\t"u8).IsEmpty)
        {
            return TypedResults.Problem("The body is empty: send a usage event as JSON.", statusCode: 400, title: "Empty body");
        }
        catch (JsonException e)
        {
            // The sender is authenticated, so the text is kept where an operator can examine it.
            reply.Add(await ingest.RunAsync(tenant, [ReadUsage.NotJson(0, format, body)], ct));
            if (reply.NotKept > 0)
            {
                return QuarantineFull(request.HttpContext.Response, reply);
            }

            var where = e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine})" : " in UTF-8";
            return TypedResults.Problem($"The body is not JSON{where}. It was quarantined; nothing was counted.", statusCode: 400, title: "Not JSON");
        }
    }

    // Commits batch by batch; the reply has the counts so far. Resending the whole stream is safe.
    static async Task<Results<Ok<UsageReply>, ProblemHttpResult>> StreamAsync(
        HttpContext context, UsageFormat format, Guid tenant, UsageDelivery delivery, UsageCaller caller, DuplicateRate rate, IngestUsage ingest, CancellationToken ct)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var body = context.Features.Get<BoundedBody>();
        body?.SetStream(delivery);
        var reply = new UsageReply(ListedRejectionsOfStream);
        try
        {
            await foreach (var batch in UsageBody.ReadLinesAsync(context.Request.Body, format, delivery, ct))
            {
                // The stream may have lasted for long, and the key been revoked meanwhile.
                if ((await caller.BearerAsync(context, ct)).Problem is { } refusal)
                {
                    return Stopped(refusal.StatusCode, refusal.ProblemDetails.Title!, $"{refusal.ProblemDetails.Detail} The rest of the stream was not counted.");
                }

                if (rate.WaitOf(tenant) is { } wait)
                {
                    return Busy(StatusCodes.Status429TooManyRequests, $"{DuplicatesReached} {SendAgain}", SecondsOf(wait));
                }

                var counted = await ingest.RunAsync(tenant, batch, ct);
                rate.Count(tenant, counted.Duplicates);
                reply.Add(counted);
            }

            return reply.NotKept > 0 ? QuarantineFull(context.Response, reply) : TypedResults.Ok(reply);
        }
        catch (InvalidDataException e)
        {
            return Stopped(413, "Line too long", e.Message);
        }
        catch (BadHttpRequestException) when (body?.TakeViolation() is { } violation)
        {
            return violation == StatusCodes.Status408RequestTimeout
                ? Stopped(violation, "Stream too slow", $"A stream has to bring {BodyLimit.StreamBytes} bytes in each {BodyLimit.Usage.Time.TotalSeconds:0} seconds. {SendAgain}")
                : Busy(violation, $"More data is in progress than can be kept in memory. {SendAgain}");
        }
        catch (Exception e) when (TenantBusyException.Of(e) is { } busy)
        {
            return Busy(busy.Status(), $"{busy.Message} {SendAgain}", busy.RetryAfterSeconds());
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            context.Response.Headers.RetryAfter = BodyLimitsMiddleware.RetryAfterSeconds;
            return Stopped(503, "Database unavailable", $"The stream was interrupted. {SendAgain}");
        }

        ProblemHttpResult Busy(int status, string detail, string retryAfter = BodyLimitsMiddleware.RetryAfterSeconds)
        {
            context.Response.Headers.RetryAfter = retryAfter;
            return Stopped(status, "Busy", detail);
        }

        ProblemHttpResult Stopped(int status, string title, string detail) => TypedResults.Problem(
            detail, statusCode: status, title: title,
            extensions: new Dictionary<string, object?> { ["accepted"] = reply.Accepted, ["duplicates"] = reply.Duplicates, ["rejected_total"] = reply.RejectedTotal, ["queued"] = reply.Queued });
    }

    static string SecondsOf(TimeSpan wait) => Math.Ceiling(wait.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);

    static ProblemHttpResult TooManyDuplicates(HttpResponse response, TimeSpan wait) =>
        TooMany(response, $"{DuplicatesReached} Nothing of this delivery was counted: send it again later.", SecondsOf(wait));

    static ProblemHttpResult TooManyStreams(HttpResponse response) => TooMany(
        response, $"Your organization already has {UsageDeliveries.StreamsPerTenant} streams in progress. Nothing of this one was counted: send it when one of them has ended.");

    static ProblemHttpResult TooManyDeliveries(HttpResponse response) => TooMany(
        response, $"Your organization already has {UsageDeliveries.BodiesPerTenant} deliveries in progress. Nothing of this one was counted: send it again in a few seconds, and several events in one request.");

    static ProblemHttpResult TooMany(HttpResponse response, string detail, string retryAfter = BodyLimitsMiddleware.RetryAfterSeconds)
    {
        response.Headers.RetryAfter = retryAfter;
        return TypedResults.Problem(detail, statusCode: StatusCodes.Status429TooManyRequests, title: "Too many requests");
    }

    // What was counted stays counted. The sender has to keep the rest, so it is told to send everything again, which counts nothing twice.
    static ProblemHttpResult QuarantineFull(HttpResponse response, UsageReply reply)
    {
        response.Headers.RetryAfter = QuarantineFullRetrySeconds;
        return TypedResults.Problem(
            $"{reply.NotKept} events were neither counted nor kept, because the quarantine of this tenant is full. Ask the operator to process it, and send the same again later: "
            + "nothing is counted twice.",
            statusCode: StatusCodes.Status429TooManyRequests, title: "Quarantine full",
            extensions: new Dictionary<string, object?>
            {
                ["accepted"] = reply.Accepted,
                ["duplicates"] = reply.Duplicates,
                ["queued"] = reply.Queued,
                ["rejected_total"] = reply.RejectedTotal,
                ["rejected"] = reply.Rejected,
            });
    }
}
