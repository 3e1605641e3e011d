using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The fields an operator enters to create a tenant.</summary>
public sealed record CreateTenantRequest
{
    public NewTenant Tenant { get; init; } = new();
    public string? Plan { get; init; }
    public AgreedTerms Agreed { get; init; } = new();
}

public abstract record CreateTenantResult
{
    /// <summary>Key and secret are shown only once.</summary>
    public sealed record Created(Guid Tenant, string Slug, string ApiKey, string WebhookSecret) : CreateTenantResult;
    public sealed record Invalid(FieldErrors Errors) : CreateTenantResult;
    /// <summary>Another tenant has the slug.</summary>
    public sealed record Taken(FieldErrors Errors) : CreateTenantResult;
}

/// <summary>Creates a tenant for an operator: active at once, on any plan. Its owner is invited by mail.</summary>
public sealed class CreateTenant(ControlDatabase database, Clock clock, ControlPlaneOptions options, AccountMails mails, SecretBox secrets)
{
    /// <param name="actor">The operator.</param>
    public async Task<CreateTenantResult> RunAsync(CreateTenantRequest request, string actor, CancellationToken ct)
    {
        var tenant = request.Tenant.Normalize();
        var id = Ids.New(clock);
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginAsync(id, ct);
        var plans = await transaction.PlansAsync(now, ct);
        var errors = Validate(request, tenant, plans);
        if (errors.Count > 0)
        {
            return new CreateTenantResult.Invalid(errors);
        }

        if (!await transaction.InsertTenantAsync(id, tenant, options.Region, request.Plan!, "active", now, ct))
        {
            return new CreateTenantResult.Taken(new FieldErrors { ["slug"] = "Another tenant has this slug." });
        }

        var owner = Ids.New(clock);
        await transaction.ExecuteAsync(InsertOwner, ct, owner, id, tenant.Email, now);
        await transaction.StartSubscriptionAsync(id, plans.Single(plan => plan.Name == request.Plan), request.Agreed, now, ct);
        var key = await transaction.AddKeyAsync(clock, id, "first key", [KeyScopes.Admin], user: null, actor, ct);
        var created = new CreateTenantResult.Created(id, tenant.Slug!, key.Key, await transaction.AddWebhookSecretAsync(clock, secrets, id, ct));
        await mails.SendInvitationAsync(transaction, id, owner, origin: null, ct);
        await transaction.AuditAsync(clock, id, actor, "tenant.created", new { plan = request.Plan, slug = tenant.Slug }, ct);
        // The job requests the environment of every active tenant that has none.
        await transaction.AnnounceJobAsync(JobSchedules.Provision, id, ct);
        await transaction.CommitAsync(ct);
        return created;
    }

    static FieldErrors Validate(CreateTenantRequest request, NewTenant tenant, List<Plan> plans)
    {
        var errors = new FieldErrors();
        tenant.Validate(errors);
        var plan = plans.Find(plan => plan.Name == request.Plan);
        errors.Check("plan", plan is null ? $"Choose one of the plans {string.Join(", ", plans.Select(p => p.Name))}." : null);
        errors.Check("price_eur_per_month", ValidatePrice(request.Agreed.EurPerMonth, plan, plan?.PriceEurPerMonth, decimals: 2, below: 1_000_000));
        errors.Check("overage_eur_per_1000", ValidatePrice(request.Agreed.OverageEurPerThousand, plan, plan?.OverageEurPerThousand, decimals: 6, below: 1_000_000));
        return errors;
    }

    // The price of a plan without one is agreed with the customer. A trial has no overage price because it has no overage.
    static string? ValidatePrice(decimal? agreed, Plan? plan, decimal? planPrice, int decimals, decimal below) => agreed switch
    {
        null => null,
        _ when plan is not null && (planPrice is not null || plan.PriceEurPerMonth is not null) => $"The price of {plan.Title} is fixed. Leave this empty.",
        < 0 => "Enter a price of 0 or more.",
        var price when price >= below => $"Enter a price below {below:0}.",
        var price when decimal.Round(price.Value, decimals) != price => $"Enter at most {decimals} decimals.",
        _ => null,
    };

    // The operator is responsible for the address, so it is confirmed from the start.
    const string InsertOwner = """
        insert into control.member (id, tenant_id, email, role, confirmed_at, created_at) values ($1, $2, $3, 'owner', $4, $4)
        """;
}
