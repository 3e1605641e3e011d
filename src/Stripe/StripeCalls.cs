using System.Net;
using ControlPlane.Billing.Payments;
using Stripe;

namespace ControlPlane.Stripe;

/// <summary>Stripe's client, and what its exceptions mean.</summary>
static class StripeCalls
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>One try per call: the jobs repeat what failed, and the client would wait on the machine's clock, deaf to cancellation.</summary>
    public static StripeClient CreateClient(StripeSettings settings) => new(new StripeClientOptions
    {
        ApiKey = settings.Key,
        ApiBase = settings.Api?.ToString().TrimEnd('/'),
        HttpClient = new SystemNetHttpClient(
            new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = Timeout },
            // Telemetry would write a file in the user's folder, which is read-only in functions and containers.
            maxNetworkRetries: 0, appInfo: null, enableTelemetry: false),
    });

    /// <exception cref="ProviderUnavailableException">Nothing is known about the effect of the call.</exception>
    /// <exception cref="StripeException">Stripe has answered that the call is wrong, and did nothing.</exception>
    public static async Task<T> RunAsync<T>(Func<Task<T>> call, CancellationToken ct)
    {
        try
        {
            return await call();
        }
        catch (StripeException e) when (IsUnavailable(e))
        {
            throw new ProviderUnavailableException($"Stripe answered {(int)e.HttpStatusCode}: {e.StripeError?.Type ?? e.Message}", RetryAfter(e), e)
            {
                IsThrottled = e.HttpStatusCode == HttpStatusCode.TooManyRequests,
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new ProviderUnavailableException($"Stripe could not be reached: {e.Message}", retryAfter: null, e);
        }
    }

    public static bool HasCode(this StripeException e, string code) => e.StripeError?.Code == code;

    public static bool IsIdempotencyError(this StripeException e) => e.StripeError?.Type == "idempotency_error";

    // 401 and 403: the key is wrong or lacks a right, which says nothing about the customer. 409: another request with the same key or on the same object is running.
    static bool IsUnavailable(StripeException e) =>
        (int)e.HttpStatusCode >= 500
        || e.HttpStatusCode is 0 or HttpStatusCode.TooManyRequests or HttpStatusCode.Conflict or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
        || e.HasCode("lock_timeout") || e.HasCode("rate_limit");

    static TimeSpan? RetryAfter(StripeException e) => e.StripeResponse?.Headers?.RetryAfter?.Delta;
}
