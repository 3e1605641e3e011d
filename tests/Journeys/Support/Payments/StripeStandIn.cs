using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.Tests.Support.Payments;

/// <summary>
/// A small Stripe over HTTP with state: customers, saved methods, setup pages, payment intents, refunds, disputes and events, as in its documentation. It forgets idempotency keys
/// after 24 hours of its own clock, checks that a key comes with the same parameters, and refuses parameters that it does not know.
/// </summary>
sealed class StripeStandIn : IAsyncDisposable
{
    public const string Key = "sk_test_standinstandin";
    public const string WebhookSecret = "whsec_standin";

    static readonly TimeSpan KeyLifetime = TimeSpan.FromHours(24);

    readonly WebApplication _app;
    readonly Dictionary<string, Remembered> _keys = [];
    readonly ConcurrentQueue<string> _calls = new();
    readonly Lock _lock = new();
    int _failuresAfterEffect;
    int _throttled;
    string? _failingPath;
    Breakpoint? _breakpoint;

    StripeStandIn(WebApplication app) => _app = app;

    public StandInState State { get; private set; } = null!;

    /// <summary>Ends in no slash.</summary>
    public string Address => _app.Urls.Single();

    /// <summary>Method and path of each call, in the order in which they took effect.</summary>
    public IReadOnlyList<string> Calls => [.. _calls];

    /// <summary>The settings of a host that uses it.</summary>
    public IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>
    {
        ["CONTROLPLANE_STRIPE_KEY"] = Key,
        ["CONTROLPLANE_STRIPE_WEBHOOK_SECRET"] = WebhookSecret,
        ["CONTROLPLANE_STRIPE_API"] = Address,
    };

    /// <param name="now">Where its clock starts; it moves only by <see cref="StandInState.Advance"/>.</param>
    public static async Task<StripeStandIn> StartAsync(DateTimeOffset now)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var standIn = new StripeStandIn(builder.Build());
        standIn._app.Map("/v1/{**path}", standIn.AnswerAsync);
        standIn._app.MapGet("/pages/checkout/{id}", (string id, string? method) => Results.Redirect(standIn.State.CompleteSession(id, method ?? "visa")));
        standIn._app.MapGet("/pages/bank/{id}", (string id) => Results.Redirect(standIn.State.ConfirmAtBank(id, confirmed: true)));
        standIn._app.MapGet("/pages/portal/{id}", (string id) => Results.Redirect(standIn.State.PortalReturn(id)));
        await standIn._app.StartAsync();
        standIn.State = new StandInState(now, standIn.Address);
        return standIn;
    }

    /// <summary>The next calls that change something take effect and are answered with 500, as when a proxy loses the answer.</summary>
    public void FailAfterEffect(int calls) => Interlocked.Exchange(ref _failuresAfterEffect, calls);

    /// <summary>Until it is disposed, calls whose path ends so take effect and are answered with 500.</summary>
    public IDisposable FailWhen(string pathEnd)
    {
        _failingPath = pathEnd;
        return new Until(() => _failingPath = null);
    }

    /// <summary>The next calls do nothing and are answered with 429.</summary>
    public void Throttle(int calls) => Interlocked.Exchange(ref _throttled, calls);

    public void ForgetKeys()
    {
        lock (_lock)
        {
            _keys.Clear();
        }
    }

    /// <summary>Stops the call with this number, counted from 1 from now on, after its effect and before its answer.</summary>
    public Breakpoint BreakAt(int call) => _breakpoint = new Breakpoint(call);

    public async ValueTask DisposeAsync()
    {
        _breakpoint?.Release();
        await _app.DisposeAsync();
    }

    async Task AnswerAsync(HttpContext context, string path)
    {
        var parameters = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in context.Request.Query)
        {
            parameters[name] = value.ToString();
        }

        if (context.Request.HasFormContentType)
        {
            foreach (var (name, value) in await context.Request.ReadFormAsync())
            {
                parameters[name] = value.ToString();
            }
        }

        var answer = Take(ref _throttled)
            ? StandInAnswer.Error(429, "invalid_request_error", "rate_limit", "Too many requests")
            : Perform(context.Request, path, parameters);
        if (_breakpoint is { } stop && !await stop.PassAsync(context.RequestAborted))
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json";
        context.Response.Headers["Request-Id"] = "req_standin";
        if (answer.IsReplay)
        {
            context.Response.Headers["Idempotent-Replayed"] = "true";
        }

        if (answer.Status == 429)
        {
            context.Response.Headers.RetryAfter = "1";
        }

        await context.Response.WriteAsync(answer.Body);
    }

    StandInAnswer Perform(HttpRequest request, string path, SortedDictionary<string, string> parameters)
    {
        lock (_lock)
        {
            if (request.Headers.Authorization != $"Bearer {Key}")
            {
                return StandInAnswer.Error(401, "invalid_request_error", null, "Invalid API Key provided");
            }

            var fingerprint = $"{request.Method} {path}?{string.Join('&', parameters.Select(parameter => $"{parameter.Key}={parameter.Value}"))}";
            var key = request.Method == "POST" ? request.Headers["Idempotency-Key"].ToString() : "";
            if (key.Length > 0 && _keys.GetValueOrDefault(key) is { } known && State.Now - known.At < KeyLifetime)
            {
                return known.Fingerprint == fingerprint
                    ? known.Answer with { IsReplay = true }
                    : StandInAnswer.Error(400, "idempotency_error", null, "Keys for idempotent requests can only be used with the same parameters they were first used with.");
            }

            _calls.Enqueue($"{request.Method} /v1/{path}");
            var answer = State.Call(request.Method, path, parameters);
            if (request.Method == "POST" && (Take(ref _failuresAfterEffect) || (_failingPath is { } end && path.EndsWith(end, StringComparison.Ordinal))))
            {
                answer = StandInAnswer.Error(500, "api_error", null, "An error occurred");
            }

            // Failures that were found before anything was done are not remembered.
            if (key.Length > 0 && answer.Status is not (400 or 404))
            {
                _keys[key] = new Remembered(fingerprint, answer, State.Now);
            }

            return answer;
        }
    }

    static bool Take(ref int count)
    {
        int seen;
        while ((seen = Volatile.Read(ref count)) > 0)
        {
            if (Interlocked.CompareExchange(ref count, seen - 1, seen) == seen)
            {
                return true;
            }
        }

        return false;
    }

    sealed class Until(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    sealed record Remembered(string Fingerprint, StandInAnswer Answer, DateTimeOffset At);
}

/// <summary>Where a call stops until the test lets it go on.</summary>
sealed class Breakpoint(int call)
{
    readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _left = call;

    /// <summary>Completes when the call has taken effect and waits for its answer.</summary>
    public Task Reached => _reached.Task;

    public void Release() => _released.TrySetResult();

    /// <returns>False when the caller is gone.</returns>
    internal async Task<bool> PassAsync(CancellationToken gone)
    {
        if (Interlocked.Decrement(ref _left) != 0)
        {
            return true;
        }

        _reached.TrySetResult();
        await Task.WhenAny(_released.Task, Task.Delay(Timeout.Infinite, gone));
        return !gone.IsCancellationRequested;
    }
}

sealed record StandInAnswer(int Status, string Body)
{
    public bool IsReplay { get; init; }

    public static StandInAnswer Ok(JsonNode body) => new(200, body.ToJsonString());

    public static StandInAnswer Error(int status, string type, string? code, string message, string? param = null, string? declineCode = null, JsonNode? intent = null)
    {
        var error = new JsonObject { ["type"] = type, ["message"] = message };
        foreach (var (name, value) in new[] { ("code", code), ("param", param), ("decline_code", declineCode) })
        {
            if (value is not null)
            {
                error[name] = value;
            }
        }

        if (intent is not null)
        {
            error["payment_intent"] = intent;
        }

        return new(status, new JsonObject { ["error"] = error }.ToJsonString());
    }
}
