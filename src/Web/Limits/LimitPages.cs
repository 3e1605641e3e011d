using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Limits;

/// <summary>User limits in the portal: visible to all members, changed by owners.</summary>
static class LimitPages
{
    const int MaximumUsers = 200;

    public static void MapLimitPages(this IEndpointRouteBuilder routes)
    {
        var limits = routes.MapGroup("/app/limits").ExcludeFromDescription();
        limits.MapGet("", Show).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports);
        limits.MapPost("", Set).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        limits.MapPost("/remove", Remove).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        // Reached by a reload or a sign-in after the form was posted.
        limits.MapGet("/remove", () => new SeeOther("/app/limits")).RequireAuthorization(Policies.Member);
    }

    /// <param name="user">The user whose limits the form shows.</param>
    static async Task<IResult> Show(ClaimsPrincipal caller, string? user, string? done, UserLimits limits, CancellationToken ct)
    {
        var form = user is null ? LimitForm.Empty
            : await limits.FindAsync(caller.TenantId(), user, ct) is { } known ? LimitForm.Of(known) : LimitForm.Empty with { User = user };
        return await RenderAsync(caller, limits, form, [], done switch { "set" => "Limits saved.", "removed" => "Limits removed.", _ => null }, ct);
    }

    static async Task<IResult> Set(ClaimsPrincipal caller, IFormCollection fields, UserLimits limits, CancellationToken ct)
    {
        var form = new LimitForm(Field("user") ?? "", Field("tokens_per_day"), Field("tokens_per_month"), [.. fields["models"].OfType<string>()]);
        var errors = await limits.SetAsync(caller.TenantId(), form.ToLimit(), caller.ActorName(), ct);
        return errors.Count == 0 ? new SeeOther("/app/limits?done=set") : await RenderAsync(caller, limits, form, errors, null, ct);

        string? Field(string name) => fields[name] is [{ } value] ? value.Trim() : null;
    }

    static async Task<IResult> Remove(ClaimsPrincipal caller, [FromForm] string? user, UserLimits limits, CancellationToken ct) =>
        await limits.RemoveAsync(caller.TenantId(), user ?? "", caller.ActorName(), ct) ? new SeeOther("/app/limits?done=removed") : TypedResults.NotFound();

    static async Task<IResult> RenderAsync(
        ClaimsPrincipal caller, UserLimits limits, LimitForm form, FieldErrors errors, string? notice, CancellationToken ct)
    {
        var (users, models) = await limits.OverviewAsync(caller.TenantId(), MaximumUsers, ct);
        return new RazorComponentResult<LimitsPage>(new { Users = users, Models = models, Form = form, Errors = errors, Notice = notice })
        {
            StatusCode = errors.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
        };
    }
}

/// <summary>Limits as entered in a form.</summary>
/// <param name="Models">Empty: all models of the plan.</param>
public sealed record LimitForm(string User, string? TokensPerDay, string? TokensPerMonth, IReadOnlyList<string> Models)
{
    public static readonly LimitForm Empty = new("", null, null, []);

    public static LimitForm Of(UserLimit limit) => new(limit.User, Text(limit.TokensPerDay), Text(limit.TokensPerMonth), limit.Models ?? []);

    public UserLimit ToLimit() => new(User, Number(TokensPerDay), Number(TokensPerMonth), Models.Count == 0 ? null : Models);

    public static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);

    /// <returns>null for an empty text; -1, which is never a valid limit, if it is not a whole number.</returns>
    public static long? Number(string? text) =>
        string.IsNullOrWhiteSpace(text) ? null
            : long.TryParse(text, NumberStyles.Integer | NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) ? number : -1;
}
