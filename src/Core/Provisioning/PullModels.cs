using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

/// <summary>
/// Downloads the models of dedicated Ollamas, those of the plan and own weights, one at a time for each environment. The job <c>provision</c> starts it and does not wait:
/// a download takes up to hours. Any number of processes may do so; a download whose process has ended is continued by another.
/// </summary>
public sealed class PullModels(ModelClaims claims, IDataPlane dataPlane, ILogger<PullModels> log) : IAsyncDisposable, IDisposable
{
    /// <summary>Environments in which this process downloads at the same time.</summary>
    const int Concurrency = 3;

    const string NotFound = "There is no such model that can be downloaded. Check the name; a repository of Hugging Face must be public and contain GGUF files.";
    const string TooLarge = "It is larger than what is left of your plan's storage. Remove other weights, or choose a smaller model.";
    const string DiskFull = "There is not enough disk space at the moment. It is tried again every hour.";
    const string Other = "It could not be downloaded. An operator was told, and it is tried again every hour.";

    static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<Guid, Task> _active = [];
    readonly ConcurrentQueue<string> _alerts = [];
    readonly CancellationTokenSource _stop = new();

    /// <summary>Starts what is due, and tells gateways what is new.</summary>
    /// <returns>What an operator should know since the last call.</returns>
    public async Task<IReadOnlyList<string>> StartAsync(CancellationToken ct)
    {
        if (dataPlane.Ready == IDataPlane.Rendered)
        {
            return [];
        }

        await claims.RequestPlanModelsAsync(ct);
        await claims.ApplyAsync(ct);
        foreach (var tenant in (await claims.DueAsync(ct)).Except(_active.Keys).Take(Concurrency - _active.Count))
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _active[tenant] = RunAsync(tenant, started.Task, _stop.Token);
            started.SetResult();
        }

        var alerts = new List<string>();
        while (_alerts.TryDequeue(out var alert))
        {
            alerts.Add(alert);
        }

        return alerts;
    }

    /// <summary>Ends when this process downloads nothing.</summary>
    public Task WhenIdleAsync() => Task.WhenAll(_active.Values);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await WhenIdleAsync();
        _stop.Dispose();
    }

    public void Dispose() => _stop.Cancel();

    async Task RunAsync(Guid tenant, Task started, CancellationToken ct)
    {
        await started;
        try
        {
            while (await claims.ClaimAsync(tenant, ct) is { } claimed)
            {
                await ExecuteAsync(claimed, ct);
            }
        }
        catch (Exception e)
        {
            // As after a crash: the claim ends by itself, and the download is continued then.
            log.LogWarning(e, "Tenant {Tenant}: the download of models was interrupted", tenant);
        }
        finally
        {
            _active.TryRemove(tenant, out _);
        }
    }

    async Task ExecuteAsync(ClaimedModel claimed, CancellationToken ct)
    {
        var environment = await claims.ReadAsync(claimed.Tenant, ct);
        try
        {
            await (claimed.IsRemoval ? RemoveAsync(claimed, environment, ct) : PullAsync(claimed, environment, ct));
        }
        catch (StepFailedException e)
        {
            log.LogWarning(e, "Tenant {Tenant}: the model {Model} could not be downloaded or removed", claimed.Tenant, claimed.Model.Name);
            _alerts.Enqueue($"The model {claimed.Model.Name} of {environment.Slug} could not be {(claimed.IsRemoval ? "removed" : "downloaded")}: {StoredText.Clean(e.Message)}");
            await claims.FailAsync(claimed, Other, isRetried: true, ct);
        }
    }

    async Task RemoveAsync(ClaimedModel claimed, TenantEnvironment environment, CancellationToken ct)
    {
        // What the plan includes as well, or other weights are made of, stays.
        var isUsed = environment.Models.Any(model => model.IsLocal && model.Routes.Any(route => ModelSource.IsSame(route.ProviderName, claimed.Model.Source)));
        await (isUsed ? Task.CompletedTask : dataPlane.RemoveModelAsync(environment, claimed.Model.Source, ct));
        await claims.RemovedAsync(claimed, ct);
    }

    async Task PullAsync(ClaimedModel claimed, TenantEnvironment environment, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var percent = 0;
        long? maximum = claimed.Model.IsOwn ? Math.Max(0, ((long)environment.Plan.StorageGib << 30) - claimed.Own) : null;
        var pull = dataPlane.PullModelAsync(environment, claimed.Model.Source, maximum, value => Volatile.Write(ref percent, Math.Clamp(value, 0, 100)), stop.Token);
        try
        {
            while (await Task.WhenAny(pull, Task.Delay(HeartbeatInterval, ct)) != pull)
            {
                if (!await claims.RenewAsync(claimed, Volatile.Read(ref percent), ct))
                {
                    return;
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAny(pull);
        }

        await ((await pull) switch
        {
            PullResult.Present model => claims.ReadyAsync(claimed, model, ct),
            // The operator's model, or the customer's mistake.
            PullResult.NotFound => FailAsync(claimed, environment, NotFound, isRetried: !claimed.Model.IsOwn, ct),
            PullResult.TooLarge => FailAsync(claimed, environment, TooLarge, isRetried: false, ct),
            _ => FailAsync(claimed, environment, DiskFull, isRetried: true, ct),
        });
    }

    Task FailAsync(ClaimedModel claimed, TenantEnvironment environment, string reason, bool isRetried, CancellationToken ct)
    {
        if (isRetried)
        {
            _alerts.Enqueue($"The model {claimed.Model.Name} of {environment.Slug} is not available: {reason}");
        }

        return claims.FailAsync(claimed, reason, isRetried, ct);
    }
}
