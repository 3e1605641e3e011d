namespace ControlPlane.Web.Tenants;

/// <summary>Reads and renders the operator's page of a tenant, whichever of its forms was posted.</summary>
sealed class TenantPageReader(TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    const int RecentAttempts = 8;

    public Task<IResult> RefuseAsync(Guid id, string problem, CancellationToken ct) => RenderAsync(id, ct, problem: problem);

    public async Task<IResult> RenderAsync(
        Guid id, CancellationToken ct, string? notice = null, string? problem = null, OverrideForm? entered = null, FieldErrors? errors = null)
    {
        if (await tenants.FindAsync(id, ct) is not { } tenant)
        {
            return TypedResults.NotFound();
        }

        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<TenantPage>(
            new
            {
                Model = await transaction.DetailAsync(options, tenant, now, ct),
                Billing = await transaction.MemberBillingAsync(id, now, ct),
                Attempts = await transaction.PaymentAttemptsAsync(id, RecentAttempts, ct),
                options.PublicUrl,
                Notice = notice,
                Problem = problem,
                Entered = entered,
                Errors = errors ?? [],
            })
        { StatusCode = errors is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
