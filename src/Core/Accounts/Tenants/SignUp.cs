using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The fields of the form and of POST /v1/signup.</summary>
public sealed record SignUpRequest
{
    public NewTenant Tenant { get; init; } = new();
    public string? Plan { get; init; }
    public string? Password { get; init; }
    public bool AcceptTerms { get; init; }
}

public abstract record SignUpResult
{
    /// <summary>A mail was queued. The result is the same for a new tenant, a repeated request, and an address that has an account.</summary>
    public sealed record Accepted(Guid Tenant) : SignUpResult;
    public sealed record Invalid(FieldErrors Errors) : SignUpResult;
    public sealed record SlugTaken : SignUpResult;
    /// <summary>The address has received too many mails about signups: nothing changed. Whether it has an account does not matter.</summary>
    public sealed record TooManyMails(TimeSpan RetryAfter) : SignUpResult;
}

/// <summary>
/// Creates a pending tenant and mails the link that activates it. The slug's unique index decides between concurrent requests. A request with the slug,
/// address and password of an existing tenant is a repetition and refers to that tenant.
/// </summary>
/// <remarks>
/// An address that has an account is processed in exactly the same way: only the text of the mail differs. Once its link is used, the person has one more
/// tenant.
/// </remarks>
public sealed class SignUp(ControlDatabase database, Clock clock, ControlPlaneOptions options, SignupPolicy policy, AccountMails mails, Passwords passwords,
    PasswordAttempts attempts)
{
    public async Task<SignUpResult> RunAsync(SignUpRequest request, RequestOrigin origin, CancellationToken ct)
    {
        var tenant = request.Tenant.Normalize();
        SlugOwner? owner;
        await using (var transaction = await database.BeginAnonymousAsync(ct))
        {
            var errors = Validate(request, tenant, await transaction.PlansAsync(clock.GetUtcNow(), ct));
            if (errors.Count > 0)
            {
                return new SignUpResult.Invalid(errors);
            }

            owner = await transaction.FindSlugAsync(tenant.Slug!, ct);
        }

        if (owner is null)
        {
            if (await CreateAsync(request, tenant, origin, ct) is { } created)
            {
                return created;
            }

            await using var transaction = await database.BeginAnonymousAsync(ct);
            owner = await transaction.FindSlugAsync(tenant.Slug!, ct);
        }

        return owner is null ? new SignUpResult.SlugTaken() : await RepeatAsync(owner, request, tenant, origin, ct);
    }

    /// <returns>null when a concurrent request reserved the slug.</returns>
    async Task<SignUpResult?> CreateAsync(SignUpRequest request, NewTenant tenant, RequestOrigin origin, CancellationToken ct)
    {
        var id = Ids.New(clock);
        // Before the transaction begins: hashing is slow on purpose.
        var hash = await passwords.HashAsync(request.Password!, origin, ct);
        await using var transaction = await database.BeginAsync(id, ct);
        if (!await transaction.InsertTenantAsync(id, tenant, options.Region, request.Plan!, "pending", clock.GetUtcNow(), ct))
        {
            return null;
        }

        var member = Ids.New(clock);
        await transaction.ExecuteAsync(InsertOwner, ct, member, id, tenant.Email, hash, clock.GetUtcNow());
        await transaction.ExecuteAsync(SetOrigin, ct, id, origin.NetworkName);
        if (await mails.SendVerificationAsync(transaction, id, member, origin, ct) is { } retryAfter)
        {
            return new SignUpResult.TooManyMails(retryAfter);
        }

        await transaction.AuditAsync(clock, id, "visitor", "tenant.signed_up", new { plan = request.Plan, slug = tenant.Slug }, ct);
        await transaction.CommitAsync(ct);
        return new SignUpResult.Accepted(id);
    }

    /// <summary>The slug is taken: by the same person, who may have changed the other fields, or by someone else.</summary>
    async Task<SignUpResult> RepeatAsync(SlugOwner owner, SignUpRequest request, NewTenant tenant, RequestOrigin origin, CancellationToken ct)
    {
        // The answer shows whether the password is right, so this is an attempt to sign in.
        if (await attempts.CountAsync(tenant.Email!, origin, ct) is not null)
        {
            return new SignUpResult.SlugTaken();
        }

        var samePassword = await attempts.CheckAsync(owner.PasswordHash, request.Password!, tenant.Email!, origin, ct);
        if (!samePassword || !string.Equals(owner.Email, tenant.Email, StringComparison.OrdinalIgnoreCase) || owner.TenantStatus == "deleted")
        {
            return new SignUpResult.SlugTaken();
        }

        // Guesses at the account of the address stay counted: the password is that of a signup, which may be a stranger's.
        await attempts.TakeBackAsync(tenant.Email!, origin, ct);
        await using var transaction = await database.BeginAsync(owner.Tenant, ct);
        if (owner.TenantStatus == "pending")
        {
            await transaction.ExecuteAsync(ChangePending, ct, owner.Tenant, tenant.Organization, tenant.Country, tenant.VatId, request.Plan);
            if (await mails.SendVerificationAsync(transaction, owner.Tenant, owner.Member!.Value, origin, ct) is { } retryAfter)
            {
                return new SignUpResult.TooManyMails(retryAfter);
            }
        }

        await transaction.CommitAsync(ct);
        return new SignUpResult.Accepted(owner.Tenant);
    }

    FieldErrors Validate(SignUpRequest request, NewTenant tenant, List<Plan> plans)
    {
        var errors = new FieldErrors();
        tenant.Validate(errors);
        var selfService = string.Join(", ", plans.Where(plan => plan.SelfService).Select(plan => plan.Name));
        errors.Check("plan", plans.Find(plan => plan.Name == request.Plan) switch
        {
            null => $"Choose one of the plans {selfService}.",
            { SelfService: false } plan => $"To get the plan {plan.Title}, contact us. To sign up online, choose one of {selfService}.",
            _ => null,
        });
        if (!errors.ContainsKey("email"))
        {
            errors.Check("email", policy.IsDisposable(tenant.Email!) ? "Enter an address that you keep, not a disposable one." : null);
        }

        errors.Check("password", PasswordRule.Validate(request.Password, tenant.Email, tenant.Organization));
        errors.Check("accept_terms", request.AcceptTerms ? null : "Accept the terms of service to sign up.");
        return errors;
    }

    const string InsertOwner = """
        insert into control.member (id, tenant_id, email, role, password_hash, created_at) values ($1, $2, $3, 'owner', $4, $5)
        """;

    const string SetOrigin = "update control.tenant set requested_from = $2 where id = $1";

    const string ChangePending = """
        update control.tenant set organization = $2, country = $3, vat_id = $4, requested_plan = $5 where id = $1 and status = 'pending'
        """;
}
