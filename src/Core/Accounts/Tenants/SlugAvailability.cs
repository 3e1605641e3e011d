using ControlPlane.Accounts.Members;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Whether a slug could be signed up with right now. Nothing is held by asking.</summary>
public sealed class SlugAvailability(ControlDatabase database)
{
    /// <returns>Why not, and what to choose instead; null when the slug is free.</returns>
    public async Task<string?> ProblemAsync(string slug, CancellationToken ct)
    {
        if (Slug.Problem(slug) is { } problem)
        {
            return problem;
        }

        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindSlugAsync(slug, ct) is null ? null : Taken;
    }

    public const string Taken = "This name is taken. Choose another one.";
}
