using ControlPlane.Accounts.Members;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Whether a slug is available. The check does not reserve it.</summary>
public sealed class SlugAvailability(ControlDatabase database)
{
    /// <returns>Why not, and what to choose instead; null when the slug is available.</returns>
    public async Task<string?> ValidateAsync(string slug, CancellationToken ct)
    {
        if (Slug.Validate(slug) is { } error)
        {
            return error;
        }

        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindSlugAsync(slug, ct) is null ? null : Taken;
    }

    public const string Taken = "This name is taken. Choose another one.";
}
