namespace ControlPlane.Provisioning;

/// <summary>What a tenant has chosen for its Open WebUI, which forgets at a restart what is changed inside it.</summary>
/// <param name="Signup">Visitors may create accounts, which an administrator of Open WebUI then activates.</param>
/// <param name="DefaultModel">Selected in new chats; null: Open WebUI's choice.</param>
/// <param name="Banner">Shown to all users, 500 characters at most; null: none.</param>
public sealed record ChatSettings(bool Signup = false, string? DefaultModel = null, string? Banner = null);

public abstract record ChatSettingsResult
{
    /// <param name="Models">That may be the default.</param>
    public sealed record Found(ChatSettings Settings, IReadOnlyList<string> Models) : ChatSettingsResult;
    public sealed record Invalid(FieldErrors Errors) : ChatSettingsResult;
    /// <summary>There is no environment yet.</summary>
    public sealed record NotFound : ChatSettingsResult;
}

/// <summary>Changes them. An environment takes them over when it is next started or restarted.</summary>
public sealed class EditChatSettings(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    const int MaximumBanner = 500;

    public async Task<ChatSettingsResult> ReadAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await FindAsync(transaction, tenant, ct);
    }

    public async Task<ChatSettingsResult> SetAsync(Guid tenant, ChatSettings settings, string actor, CancellationToken ct)
    {
        settings = new(settings.Signup, NullIfBlank(settings.DefaultModel), NullIfBlank(settings.Banner));
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await FindAsync(transaction, tenant, ct) is not ChatSettingsResult.Found found)
        {
            return new ChatSettingsResult.NotFound();
        }

        var errors = new FieldErrors();
        errors.Check("default_model", settings.DefaultModel is { } model && !found.Models.Contains(model) ? $"Choose one of {string.Join(", ", found.Models)}, or none." : null);
        errors.Check(
            "banner",
            settings.Banner is not { } banner ? null
            : banner.Length > MaximumBanner ? $"Enter at most {MaximumBanner} characters."
            : banner.Any(char.IsControl) ? "Enter one line of text."
            : null);
        if (errors.Count > 0)
        {
            return new ChatSettingsResult.Invalid(errors);
        }

        await transaction.ExecuteAsync(Upsert, ct, tenant, settings.Signup, settings.DefaultModel, settings.Banner, clock.GetUtcNow());
        await transaction.AuditAsync(clock, tenant, actor, "environment.settings_changed", new { settings.Signup, settings.DefaultModel }, ct);
        await transaction.CommitAsync(ct);
        return found with { Settings = settings };
    }

    async Task<ChatSettingsResult> FindAsync(Transaction transaction, Guid tenant, CancellationToken ct)
    {
        if (!await transaction.ScalarAsync<bool>("select exists (select from control.environment where tenant_id = $1 and state not in ('deleting', 'deleted'))", ct, tenant))
        {
            return new ChatSettingsResult.NotFound();
        }

        var environment = await TenantEnvironment.ReadAsync(transaction, options, tenant, clock.GetUtcNow(), ct);
        return new ChatSettingsResult.Found(environment.Chat, [.. environment.Models.Select(model => model.Name)]);
    }

    static string? NullIfBlank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    const string Upsert = """
        insert into control.chat_settings (tenant_id, signup, default_model, banner, updated_at) values ($1, $2, $3, $4, $5)
        on conflict (tenant_id) do update set (signup, default_model, banner, updated_at) = (excluded.signup, excluded.default_model, excluded.banner, excluded.updated_at)
        """;
}

static class ChatSettingsTable
{
    public static async Task<ChatSettings> ChatSettingsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.FirstAsync(
            "select signup, default_model, banner from control.chat_settings where tenant_id = $1",
            row => new ChatSettings(row.GetBoolean(0), row.Get<string>(1), row.Get<string>(2)), ct, tenant)
        ?? new ChatSettings();
}
