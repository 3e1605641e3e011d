using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Members;

/// <summary>The members of a tenant: visible to all members, changed by owners.</summary>
static class MemberListPages
{
    public static void MapMemberListPages(this IEndpointRouteBuilder routes)
    {
        var members = routes.MapGroup("/app/members").ExcludeFromDescription();
        members.MapGet("", Show).RequireAuthorization(Policies.Member);
        members.MapPost("", Invite).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        members.MapPost("/{id:guid}/remove", Remove).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        members.MapPost("/{id:guid}/role", Change).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        // Reached by a reload or a sign-in after the form was posted.
        members.MapGet("/{id:guid}/remove", () => new SeeOther("/app/members")).RequireAuthorization(Policies.Member);
        members.MapGet("/{id:guid}/role", () => new SeeOther("/app/members")).RequireAuthorization(Policies.Member);
    }

    static async Task<RazorComponentResult<MembersPage>> Show(ClaimsPrincipal user, string? done, MemberList members, CancellationToken ct) =>
        new(new
        {
            Members = await members.ListAsync(user.TenantId(), ct),
            Notice = done switch
            {
                "invited" => "Invitation sent.",
                "removed" => "Member removed.",
                "changed" => "Role changed. The member has to sign in again.",
                _ => null,
            },
        });

    static async Task<IResult> Invite(
        ClaimsPrincipal user, [FromForm] string? email, [FromForm] string? role, InviteMember invite, MemberList members, CancellationToken ct) =>
        await invite.RunAsync(user.TenantId(), email, role, user.ActorName(), ct) switch
        {
            InviteMemberResult.Invited => new SeeOther("/app/members?done=invited"),
            InviteMemberResult.Invalid invalid => new RazorComponentResult<MembersPage>(
                new { Members = await members.ListAsync(user.TenantId(), ct), Email = email, Role = role, invalid.Errors })
            { StatusCode = StatusCodes.Status400BadRequest },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Remove(ClaimsPrincipal user, Guid id, IFormCollection form, RemoveMember remove, MemberList members, CancellationToken ct) =>
        await remove.RunAsync(user.TenantId(), id, user.ActorName(), ct) switch
        {
            RemoveMemberResult.Removed => new SeeOther("/app/members?done=removed"),
            RemoveMemberResult.LastOwner => await RefuseAsync(
                user, "This is the only owner. Invite another owner first; once the invitation has been accepted, you can remove this one.",
                StatusCodes.Status409Conflict, members, ct),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> Change(
        ClaimsPrincipal user, Guid id, [FromForm] string? role, ChangeRole change, MemberList members, CancellationToken ct) =>
        await change.RunAsync(user.TenantId(), id, role, user.ActorName(), ct) switch
        {
            ChangeRoleResult.Changed => new SeeOther("/app/members?done=changed"),
            ChangeRoleResult.Invalid invalid => await RefuseAsync(user, invalid.Reason, StatusCodes.Status400BadRequest, members, ct),
            ChangeRoleResult.LastOwner => await RefuseAsync(
                user, "This is the only owner. Make another member an owner first.", StatusCodes.Status409Conflict, members, ct),
            _ => TypedResults.NotFound(),
        };

    static async Task<RazorComponentResult<MembersPage>> RefuseAsync(
        ClaimsPrincipal user, string problem, int status, MemberList members, CancellationToken ct) =>
        new(new { Members = await members.ListAsync(user.TenantId(), ct), Problem = problem }) { StatusCode = status };
}
