using Polly.Retry;

namespace ControlPlane.Aws;

/// <summary>Exponential backoff from 100 ms to 5 s, with jitter so that callers that collided do not collide again.</summary>
static class Retry
{
    public static ResiliencePipeline Create(int maxAttempts, Func<Outcome<object>, bool> shouldRetry, TimeProvider clock) =>
        new ResiliencePipelineBuilder { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = maxAttempts - 1,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(100),
                MaxDelay = TimeSpan.FromSeconds(5),
                ShouldHandle = attempt => ValueTask.FromResult(shouldRetry(attempt.Outcome)),
            })
            .Build();
}
