using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Login;

/// <summary>A person's own account: the email address, and the link that confirms a new one. Opening the link changes nothing; its button does.</summary>
static class AccountPages
{
    public static void MapAccountPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/").ExcludeFromDescription();
        pages.MapGet("/app/account", Show).RequireAuthorization(Policies.Member);
        pages.MapPost("/app/account", Request).RequireAuthorization(Policies.Member).RequireRateLimiting(RateLimits.Account);
        pages.MapGet("/email", Open);
        pages.MapPost("/email", Confirm).LimitLinks();
    }

    static RazorComponentResult<AccountPage> Show(string? done) => new(new
    {
        Notice = done == "email" ? "We have sent a link to your new address. Open it to complete the change." : null,
    });

    static async Task<IResult> Request(
        ClaimsPrincipal user, HttpContext context, [FromForm] string? email, [FromForm] string? password, ChangeEmail change, KnownBrowsers browsers,
        CancellationToken ct) =>
        await change.RequestAsync(
            user.TenantId(), context.Features.GetRequiredFeature<MemberSession>().Member, email, password, account => browsers.OriginOf(context, account), ct)
            is ChangeEmailResult.Invalid invalid
            ? new RazorComponentResult<AccountPage>(new { Email = email, invalid.Errors }) { StatusCode = StatusCodes.Status400BadRequest }
            : new SeeOther("/app/account?done=email");

    static async Task<IResult> Open(string? token, ChangeEmail change, CancellationToken ct) => await change.FindAsync(token, ct) is { } email
        ? new RazorComponentResult<NewEmailPage>(new { Token = token, Email = email })
        : InvalidOrExpiredToken();

    static async Task<IResult> Confirm(
        [FromForm] IFormCollection form, HttpContext context, ChangeEmail change, KnownBrowsers browsers, CancellationToken ct) =>
        await change.RunAsync(form["token"], form["password"], account => browsers.OriginOf(context, account), ct) switch
        {
            ChangeEmailResult.Invalid invalid when await change.FindAsync(form["token"], ct) is { } email =>
                new RazorComponentResult<NewEmailPage>(new { Token = form["token"].ToString(), Email = email, Error = invalid.Errors["password"] })
                { StatusCode = StatusCodes.Status400BadRequest },
            ChangeEmailResult.Changed => new SeeOther("/login?done=email"),
            ChangeEmailResult.AddressTaken => new RazorComponentResult<MessagePage>(new
            {
                Title = "This email address is in use",
                Problem = "It already has an account, or an invitation to your organization. Nothing was changed.",
                LinkTo = "/app/account",
                LinkText = "Back to your account",
            })
            { StatusCode = StatusCodes.Status409Conflict },
            _ => InvalidOrExpiredToken(),
        };

    static RazorComponentResult<MessagePage> InvalidOrExpiredToken() => new(new
    {
        Title = "This link is no longer valid",
        Problem = "It has already been used or has expired. Enter your new address again.",
        LinkTo = "/app/account",
        LinkText = "Your account",
    })
    { StatusCode = StatusCodes.Status410Gone };
}
