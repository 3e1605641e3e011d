using System.Numerics;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Usage;

/// <summary>Usage ingestion and usage reports.</summary>
static class UsageEndpoints
{
    /// <summary>Rejections listed in the reply to a stream; the counts are complete.</summary>
    const int ListedRejections = 100;

    const string QuarantineFullRetrySeconds = "300";

    public static void MapUsage(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/usage", (HttpContext context, UsageCaller caller, IngestUsage ingest, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Event, caller, ingest, ct))
            .WithTags("Usage").WithName("reportUsage").WithSummary("Report usage: one event, an array, NDJSON or a CloudEvents batch")
            .WithDescription(
                "An event is {id, occurred_at, user, session?, model, prompt_tokens, completion_tokens, reservation_id?, feature?, quantity?}. Sign as "
                + "specified by standardwebhooks.com and send the tenant ID in X-Tenant-Id, or send a tenant key as Bearer. The body is limited to 16 MiB; NDJSON sent "
                + "with a key is not. An event ID is counted once, however often it is sent; IDs longer than 200 characters are stored as their beginning and a hash. Events that cannot be counted are quarantined and listed in `rejected`. While "
                + "the database is unavailable, events of recently verified senders are queued and counted later: `queued` is their number and is omitted when zero. Do not resend them.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json")
            .WithMetadata(BodyLimit.Usage);
        routes.MapPost("/v1/usage/litellm", (HttpContext context, UsageCaller caller, IngestUsage ingest, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Litellm, caller, ingest, ct))
            .WithTags("Usage").WithName("reportLitellmUsage").WithSummary("Report usage as LiteLLM's standard logging payload, one or an array")
            .WithDescription("Same authentication, limits and response as POST /v1/usage.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson")
            .WithMetadata(BodyLimit.Usage);
    }

    public static void MapUsageReport(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/usage", Get).RequireAuthorization(Policies.Tenant).RequireScope(KeyScopes.UsageRead).RequireRateLimiting(TenantLimits.Reports).WithTags("Usage")
            .WithName("getUsage").WithSummary("Get usage totals, exact up to the last accepted event")
            .WithDescription("`from` and `to` are UTC days such as 2026-01-31, `to` is exclusive; `group_by` is a comma-separated list of day, model and user.");

    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> PostAsync(
        HttpContext context, UsageFormat format, UsageCaller caller, IngestUsage ingest, CancellationToken ct)
    {
        if (context.Request.Headers.Authorization.Count == 0)
        {
            var (sender, signed, problem) = await caller.SignedAsync(context, ct);
            return problem is null ? await RecordWholeAsync(context.Request, format, sender, signed!, ingest, ct) : problem;
        }

        var (tenant, refusal) = await caller.BearerAsync(context, ct);
        if (refusal is not null)
        {
            return refusal;
        }

        if (UsageBody.IsNdjson(context.Request))
        {
            return await StreamAsync(context, format, tenant!.Value, ingest, ct);
        }

        context.Features.Get<BoundedBody>()?.SetVerified();
        var body = await UsageBody.ReadWholeAsync(context.Request, verifier: null, ct);
        return await RecordWholeAsync(context.Request, format, tenant!.Value, body!, ingest, ct);
    }

    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> RecordWholeAsync(
        HttpRequest request, UsageFormat format, Guid tenant, byte[] body, IngestUsage ingest, CancellationToken ct)
    {
        try
        {
            var submissions = UsageBody.IsNdjson(request) ? UsageParser.ParseLines(body, format) : UsageParser.ParseJson(body, format);
            var reply = await ingest.RunAsync(tenant, submissions, ct);
            return reply.CountNotKept() is > 0 and var notKept
                ? QuarantineFull(request.HttpContext.Response, notKept, reply.Accepted, reply.Duplicates, reply.Queued, reply.Rejected.Count, reply.Rejected)
                : TypedResults.Ok(reply);
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
            var reply = await ingest.RunAsync(tenant, [ReadUsage.NotJson(0, format, body)], ct);
            if (reply.CountNotKept() > 0)
            {
                return QuarantineFull(request.HttpContext.Response, 1, 0, 0, 0, 1, reply.Rejected);
            }

            var where = e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine})" : " in UTF-8";
            return TypedResults.Problem($"The body is not JSON{where}. It was quarantined; nothing was counted.", statusCode: 400, title: "Not JSON");
        }
    }

    // Commits batch by batch; the reply has the counts so far. Resending the whole stream is safe.
    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> StreamAsync(
        HttpContext context, UsageFormat format, Guid tenant, IngestUsage ingest, CancellationToken ct)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        context.Features.Get<BoundedBody>()?.RemoveLimits();
        var reply = new StreamReply();
        try
        {
            await foreach (var batch in UsageBody.ReadLinesAsync(context.Request.Body, format, ct))
            {
                reply.Add(await ingest.RunAsync(tenant, batch, ct), ListedRejections);
            }

            return reply.NotKept > 0
                ? QuarantineFull(context.Response, reply.NotKept, reply.Accepted, reply.Duplicates, reply.Queued, reply.RejectedTotal, reply.Rejected)
                : TypedResults.Ok(reply);
        }
        catch (InvalidDataException e)
        {
            return Stopped(413, "Line too long", e.Message);
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            context.Response.Headers.RetryAfter = "5";
            return Stopped(503, e is TenantBusyException ? "Busy" : "Database unavailable", "The stream was interrupted. Send it again in a few seconds: events already counted or queued are not counted twice.");
        }

        ProblemHttpResult Stopped(int status, string title, string detail) => TypedResults.Problem(
            detail, statusCode: status, title: title,
            extensions: new Dictionary<string, object?> { ["accepted"] = reply.Accepted, ["duplicates"] = reply.Duplicates, ["rejected_total"] = reply.RejectedTotal, ["queued"] = reply.Queued });
    }

    // What was counted stays counted. The sender has to keep the rest, so it is told to send everything again, which counts nothing twice.
    static ProblemHttpResult QuarantineFull(
        HttpResponse response, long notKept, long accepted, long duplicates, long queued, long rejected, IReadOnlyList<RejectedEvent> listed)
    {
        response.Headers.RetryAfter = QuarantineFullRetrySeconds;
        return TypedResults.Problem(
            $"{notKept} events were neither counted nor kept, because the quarantine of this tenant is full. Ask the operator to process it, and send the same again later: "
            + "nothing is counted twice.",
            statusCode: StatusCodes.Status429TooManyRequests, title: "Quarantine full",
            extensions: new Dictionary<string, object?>
            {
                ["accepted"] = accepted,
                ["duplicates"] = duplicates,
                ["queued"] = queued,
                ["rejected_total"] = rejected,
                ["rejected"] = listed.Take(ListedRejections),
            });
    }

    static async Task<Results<Ok<Page<UsageRow>>, ProblemHttpResult>> Get(
        ClaimsPrincipal user, ControlDatabase database, Clock clock, string? from, string? to, string? group_by, string? cursor, int? limit, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        if (Query.Day(from, new DateOnly(today.Year, today.Month, 1)) is not { } first || Query.Day(to, today.AddDays(1)) is not { } end || end <= first)
        {
            return TypedResults.Problem("from and to must be UTC days such as 2026-01-31; to is exclusive and must be after from.", statusCode: 400, title: "Invalid range");
        }

        if (!TryGrouping(group_by ?? "day,model", out var grouping))
        {
            return TypedResults.Problem("group_by must be a comma-separated list of day, model and user.", statusCode: 400, title: "Invalid group_by");
        }

        if (!TryAfter(cursor, grouping, out var after))
        {
            return TypedResults.Problem("cursor must be the next_cursor of a page with the same group_by; omit it for the first page.", statusCode: 400, title: "Invalid cursor");
        }

        var size = Query.Limit(limit);
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        var rows = await transaction.UsageAsync(user.TenantId(), first, end, grouping, after, size + 1, ct);
        return TypedResults.Ok(Page.Of(rows, size, last => Query.Cursor(last.Keys())));
    }

    static bool TryAfter(string? cursor, UsageGrouping grouping, out IReadOnlyList<string>? after) =>
        Query.TryReadCursor(cursor, BitOperations.PopCount((uint)grouping), out after)
        && (after is null || !grouping.HasFlag(UsageGrouping.Day) || Query.Day(after[0], default) is not null);

    static bool TryGrouping(string text, out UsageGrouping grouping)
    {
        grouping = UsageGrouping.None;
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            UsageGrouping? flag = part switch { "day" => UsageGrouping.Day, "model" => UsageGrouping.Model, "user" => UsageGrouping.User, _ => null };
            if (flag is null)
            {
                return false;
            }

            grouping |= flag.Value;
        }

        return true;
    }
}

/// <summary>Reply to a stream: complete counts and the first hundred rejections.</summary>
sealed class StreamReply
{
    readonly List<RejectedEvent> _rejected = [];

    public long Accepted { get; private set; }
    public long Duplicates { get; private set; }
    public long RejectedTotal { get; private set; }

    /// <summary>Events queued until the database has recovered.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Queued { get; private set; }

    public IReadOnlyList<RejectedEvent> Rejected => _rejected;

    /// <summary>Rejected events that quarantine has no room for.</summary>
    [JsonIgnore]
    public long NotKept { get; private set; }

    public void Add(IngestReply batch, int listed)
    {
        Accepted += batch.Accepted;
        Duplicates += batch.Duplicates;
        Queued += batch.Queued;
        RejectedTotal += batch.Rejected.Count;
        NotKept += batch.CountNotKept();
        _rejected.AddRange(batch.Rejected.Take(listed - _rejected.Count));
    }
}
