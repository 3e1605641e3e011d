using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Platform.Jobs;

/// <summary>Runs the parts of one job run, such as days or tenants, so that one that fails does not keep the others from it. Not thread-safe.</summary>
/// <param name="job">For logs and metrics.</param>
public sealed class JobParts(JobSchedule job, ILogger log)
{
    /// <summary>A connection that breaks or times out may be that part's problem; several in a row are the database's.</summary>
    const int UnavailableInARow = 3;

    static readonly Counter<long> FailedParts = Instrumentation.Meter.CreateCounter<long>(
        "jobs.failed_parts", "{part}", "Parts of job runs, such as days or tenants, that failed while the others were done.");

    readonly List<string> _failures = [];
    int _unavailable;

    /// <summary>One sentence for each part that failed: see <see cref="JobReport.Failures"/>.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <param name="action">What failed, if it fails, for the operator: <c>close the billing period</c>.</param>
    /// <param name="tenant">null: the part does not belong to one tenant.</param>
    /// <returns>False when the part failed.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<bool> TryAsync(string action, Guid? tenant, Func<Task> part, CancellationToken ct)
    {
        try
        {
            await part();
            _unavailable = 0;
            return true;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !IsOutage(e))
        {
            // The boundary of one part: whatever is wrong with it, the others are done.
            log.LogError(e, "Job {Job} could not {Action}, tenant {Tenant}", job.Name, action, tenant);
            FailedParts.Add(1, new KeyValuePair<string, object?>("job", job.Name));
            _failures.Add($"Could not {action}{(tenant is null ? "" : $" of tenant {tenant}")}: {(e as PostgresException)?.MessageText ?? e.Message}");
            return false;
        }
    }

    bool IsOutage(Exception e)
    {
        _unavailable = e.IsDatabaseUnavailable() && !IsOfThePart(e) ? _unavailable + 1 : 0;
        return _unavailable >= UnavailableInARow;
    }

    // Statements that take too long, and locks that others hold.
    static bool IsOfThePart(Exception e) => e is TenantBusyException or PostgresException
    {
        SqlState: PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure,
    };
}
