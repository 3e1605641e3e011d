using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;

namespace ControlPlane.Accounts.Tenants;

/// <summary>What the form and POST /v1/signup send.</summary>
public sealed record SignUpRequest
{
    public NewTenant Tenant { get; init; } = new();
    public string? Plan { get; init; }
    public string? Password { get; init; }
    public bool AcceptTerms { get; init; }
}

public abstract record SignUpResult
{
    /// <summary>A mail is on its way. The same answer for a new tenant, for a repeated request, and for an address that has an account.</summary>
    public sealed record Accepted(Guid Tenant) : SignUpResult;
    public sealed record Invalid(FieldErrors Errors) : SignUpResult;
    public sealed record SlugTaken : SignUpResult;
}

/// <summary>
/// Makes a pending tenant and mails the link that activates it. The slug's unique index decides between concurrent requests; whoever
/// repeats slug, address and password means the tenant that is there.
/// </summary>
/// <remarks>
/// An address that has an account goes exactly the same way and holds its slug like any other: otherwise the slug's availability would
/// tell what the answer does not. Only the mail differs, and that tenant's link is sent to nobody.
/// </remarks>
public sealed class SignUp(ControlDatabase database, Clock clock, ControlPlaneOptions options, Passwords passwords)
{
    public async Task<SignUpResult> RunAsync(SignUpRequest request, CancellationToken ct)
    {
        var tenant = request.Tenant.Normalize();
        SlugOwner? owner;
        await using (var transaction = await database.BeginAnonymousAsync(ct))
        {
            var errors = Check(request, tenant, await transaction.PlansAsync(clock.GetUtcNow(), ct));
            if (errors.Count > 0)
            {
                return new SignUpResult.Invalid(errors);
            }

            owner = await transaction.FindSlugAsync(tenant.Slug!, ct);
        }

        if (owner is null)
        {
            var id = Ids.New(clock);
            if (await MakeAsync(id, request, tenant, ct))
            {
                return new SignUpResult.Accepted(id);
            }

            await using var transaction = await database.BeginAnonymousAsync(ct);
            owner = await transaction.FindSlugAsync(tenant.Slug!, ct);
        }

        return owner is null ? new SignUpResult.SlugTaken() : await RepeatAsync(owner, request, tenant, ct);
    }

    /// <returns>False when a concurrent request took the slug.</returns>
    async Task<bool> MakeAsync(Guid id, SignUpRequest request, NewTenant tenant, CancellationToken ct)
    {
        // Before the transaction begins: hashing takes a while on purpose.
        var hash = passwords.Hash(request.Password!);
        await using var transaction = await database.BeginAsync(id, ct);
        if (!await transaction.InsertTenantAsync(id, tenant, options.Region, request.Plan!, "pending", clock.GetUtcNow(), ct))
        {
            return false;
        }

        var member = Ids.New(clock);
        await transaction.ExecuteAsync(InsertOwner, ct, member, id, tenant.Email, hash, clock.GetUtcNow());
        await transaction.SendVerificationAsync(clock, options, id, member, ct);
        await transaction.AuditAsync(clock, id, "visitor", "tenant.signed_up", new { plan = request.Plan, slug = tenant.Slug }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>The slug is taken: by the same person, who may have changed the other fields meanwhile, or by somebody else.</summary>
    async Task<SignUpResult> RepeatAsync(SlugOwner owner, SignUpRequest request, NewTenant tenant, CancellationToken ct)
    {
        var samePassword = passwords.Matches(owner.PasswordHash, request.Password!);
        if (!samePassword || !string.Equals(owner.Email, tenant.Email, StringComparison.OrdinalIgnoreCase) || owner.TenantStatus == "deleted")
        {
            return new SignUpResult.SlugTaken();
        }

        if (owner.TenantStatus == "pending")
        {
            await using var transaction = await database.BeginAsync(owner.Tenant, ct);
            await transaction.ExecuteAsync(ChangePending, ct, owner.Tenant, tenant.Organization, tenant.Country, tenant.VatId, request.Plan);
            await transaction.SendVerificationAsync(clock, options, owner.Tenant, owner.Member!.Value, ct);
            await transaction.CommitAsync(ct);
        }

        return new SignUpResult.Accepted(owner.Tenant);
    }

    static FieldErrors Check(SignUpRequest request, NewTenant tenant, List<Plan> plans)
    {
        var errors = new FieldErrors();
        tenant.Check(errors);
        var offered = string.Join(", ", plans.Where(plan => plan.SelfService).Select(plan => plan.Name));
        errors.Check("plan", plans.Find(plan => plan.Name == request.Plan) switch
        {
            null => $"Choose one of the plans {offered}.",
            { SelfService: false } plan => $"{plan.Title} is agreed in person: contact us. To start by yourself, choose one of {offered}.",
            _ => null,
        });
        errors.Check("password", PasswordRule.Problem(request.Password, tenant.Email, tenant.Organization));
        errors.Check("accept_terms", request.AcceptTerms ? null : "Accept the terms of service to sign up.");
        return errors;
    }

    const string InsertOwner = """
        insert into control.member (id, tenant_id, email, role, password_hash, created_at) values ($1, $2, $3, 'owner', $4, $5)
        """;

    const string ChangePending = """
        update control.tenant set organization = $2, country = $3, vat_id = $4, requested_plan = $5 where id = $1 and status = 'pending'
        """;
}
