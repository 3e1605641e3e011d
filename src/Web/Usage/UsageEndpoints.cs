using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Usage;

/// <summary>Usage comes in and is shown.</summary>
static class UsageEndpoints
{
    /// <summary>Rejections listed in the reply to a stream; the counts are complete.</summary>
    const int ListedRejections = 100;

    public static void MapUsage(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/usage", (HttpContext context, UsageCaller caller, IngestUsage take, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Event, caller, take, ct))
            .WithTags("Usage").WithSummary("Report usage: one event, an array, NDJSON or a CloudEvents batch")
            .WithDescription(
                "An event is {id, occurred_at, user, session?, model, prompt_tokens, completion_tokens, reservation_id?, feature?, quantity?}. Sign per "
                + "standardwebhooks.com and name the tenant in X-Tenant-Id, or send a tenant key as Bearer. At most 16 MiB, but NDJSON with a key may be endless. "
                + "An id counts once, however often it is sent; what cannot be counted is kept and listed in `rejected`. While the database is away, usage of "
                + "senders known from the minutes before is kept and counted later: `queued` says how many, and is left out when none are. Do not send it again.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json");
        routes.MapPost("/v1/usage/litellm", (HttpContext context, UsageCaller caller, IngestUsage take, CancellationToken ct) =>
                PostAsync(context, UsageFormat.Litellm, caller, take, ct))
            .WithTags("Usage").WithSummary("Report usage as LiteLLM's standard logging payload, one or an array")
            .WithDescription("Answered and kept as at /v1/usage, `queued` included.")
            .Accepts<JsonElement>("application/json", "application/x-ndjson");
    }

    public static void MapUsageReport(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/usage", Get).RequireAuthorization(Policies.Tenant).WithTags("Usage")
            .WithSummary("Sums, exact up to the last accepted event")
            .WithDescription("`from` and `to` are UTC days such as 2026-01-31, `to` is exclusive; `group_by` takes day, model and user, separated by commas.");

    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> PostAsync(
        HttpContext context, UsageFormat form, UsageCaller caller, IngestUsage take, CancellationToken ct)
    {
        var bearer = context.Request.Headers.Authorization.Count > 0 ? await caller.BearerAsync(context, ct) : null;
        if (context.Request.Headers.Authorization.Count > 0 && bearer is null)
        {
            return TypedResults.Problem("This key is unknown or revoked.", statusCode: 401, title: "Not authenticated");
        }

        if (bearer is { } streaming && UsageBody.IsNdjson(context.Request))
        {
            return await StreamAsync(context, form, streaming, take, ct);
        }

        if (await UsageBody.ReadWholeAsync(context.Request, ct) is not { } body)
        {
            return TypedResults.Problem(
                "At most 16 MiB at a time: send less, or stream NDJSON with a tenant key as Bearer.", statusCode: 413, title: "Body too large");
        }

        if (bearer is null)
        {
            var (signed, refusal) = await caller.SignedAsync(context.Request, body, ct);
            if (signed is null)
            {
                return refusal!;
            }

            bearer = signed;
        }

        return await RecordWholeAsync(context.Request, form, bearer.Value, body, take, ct);
    }

    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> RecordWholeAsync(
        HttpRequest request, UsageFormat form, Guid tenant, byte[] body, IngestUsage take, CancellationToken ct)
    {
        try
        {
            var submissions = UsageBody.IsNdjson(request) ? UsageBody.ParseLines(body, form) : UsageBody.ParseJson(body, form);
            return TypedResults.Ok(await take.RunAsync(tenant, submissions, ct));
        }
        catch (JsonException) when (body.AsSpan().Trim(" \r\n\t"u8).IsEmpty)
        {
            return TypedResults.Problem("The body is empty: send a usage event as JSON.", statusCode: 400, title: "Nothing sent");
        }
        catch (JsonException e)
        {
            // An authenticated sender meant something by it: the text is kept where an operator sees it.
            await take.RunAsync(tenant, [ReadUsage.NotJson(0, form, body)], ct);
            var where = e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine})" : " in UTF-8";
            return TypedResults.Problem($"The body is not JSON{where}. It is kept in quarantine; nothing was counted.", statusCode: 400, title: "Not JSON");
        }
    }

    // Commits as it goes; the reply says how far it came. Sending the whole stream again is safe.
    static async Task<Results<Ok<IngestReply>, Ok<StreamReply>, ProblemHttpResult>> StreamAsync(
        HttpContext context, UsageFormat form, Guid tenant, IngestUsage take, CancellationToken ct)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var reply = new StreamReply();
        try
        {
            await foreach (var batch in UsageBody.ReadLinesAsync(context.Request.BodyReader, form, ct))
            {
                reply.Add(await take.RunAsync(tenant, batch, ct), ListedRejections);
            }

            return TypedResults.Ok(reply);
        }
        catch (InvalidDataException e)
        {
            return Stopped(413, "Line too long", e.Message);
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            context.Response.Headers.RetryAfter = "5";
            return Stopped(503, "The database is away", "The stream stopped here. Send it again in a few seconds: what was counted or queued is not counted twice.");
        }

        ProblemHttpResult Stopped(int status, string title, string detail) => TypedResults.Problem(
            detail, statusCode: status, title: title,
            extensions: new Dictionary<string, object?> { ["accepted"] = reply.Accepted, ["duplicates"] = reply.Duplicates, ["rejected_total"] = reply.RejectedTotal, ["queued"] = reply.Queued });
    }

    static async Task<Results<Ok<Page<UsageRow>>, ProblemHttpResult>> Get(
        ClaimsPrincipal user, ControlDatabase database, Clock clock, string? from, string? to, string? group_by, string? cursor, int? limit, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        if (Query.Day(from, new DateOnly(today.Year, today.Month, 1)) is not { } first || Query.Day(to, today.AddDays(1)) is not { } end || end <= first)
        {
            return TypedResults.Problem("from and to are UTC days such as 2026-01-31, to is exclusive and after from.", statusCode: 400, title: "Bad range");
        }

        if (!TryGrouping(group_by ?? "day,model", out var grouping))
        {
            return TypedResults.Problem("group_by takes day, model and user, separated by commas.", statusCode: 400, title: "Bad group_by");
        }

        var size = Query.Limit(limit);
        var skip = Query.Offset(cursor);
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        var rows = await transaction.UsageAsync(user.TenantId(), first, end, grouping, skip, size + 1, ct);
        return TypedResults.Ok(Page.Of(rows, size, _ => Query.Cursor(skip + size)));
    }

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

/// <summary>What became of a stream: complete counts, the first hundred rejections.</summary>
sealed class StreamReply
{
    readonly List<RejectedEvent> _rejected = [];

    public long Accepted { get; private set; }
    public long Duplicates { get; private set; }
    public long RejectedTotal { get; private set; }

    /// <summary>Kept to be counted once the database is back.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Queued { get; private set; }

    public IReadOnlyList<RejectedEvent> Rejected => _rejected;

    public void Add(IngestReply batch, int listed)
    {
        Accepted += batch.Accepted;
        Duplicates += batch.Duplicates;
        Queued += batch.Queued;
        RejectedTotal += batch.Rejected.Count;
        _rejected.AddRange(batch.Rejected.Take(listed - _rejected.Count));
    }
}
