using System.ComponentModel.DataAnnotations;

namespace ControlPlane.Web.Signup;

/// <summary>Signup over the API, and the link in the verification mail. The HTML form is in <see cref="SignupPages"/>.</summary>
static class SignupEndpoints
{
    public static void MapSignup(this IEndpointRouteBuilder routes)
    {
        var signup = routes.MapGroup("/v1").WithTags("Signup");
        signup.MapPost("/signup", Post).RequireRateLimiting(RateLimits.Signup)
            .WithName("signUp").WithSummary("Sign up")
            .WithDescription("Answers 202 and sends a verification link, valid for 48 hours, to the email address. Repeating the request with the same slug, email and password returns the same tenant.");
        signup.MapGet("/signup/slug/{slug}", CheckSlug).RequireRateLimiting(RateLimits.Lookup)
            .WithName("checkSlug").WithSummary("Check whether a slug is available");
        signup.MapPost("/verify", Verify).LimitLinks()
            .WithName("confirmEmail").WithSummary("Confirm an email address")
            .WithDescription("Activates the tenant with the token of the link in the verification mail. Repeating the request changes nothing.");
        routes.MapVerifyPages();
        routes.MapSignupPages();
        routes.MapSignInPages();
        routes.MapPasswordPages();
    }

    static async Task<Results<Accepted<SignupReply>, ValidationProblem, ProblemHttpResult>> Post(SignupBody body, HttpContext context, SignUp signUp, CancellationToken ct) =>
        await signUp.RunAsync(body.ToRequest(), RateLimits.OriginOf(context), ct) switch
        {
            SignUpResult.Accepted accepted => TypedResults.Accepted((string?)null, new SignupReply(accepted.Tenant)),
            SignUpResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            SignUpResult.SlugTaken => new FieldErrors { ["slug"] = SlugAvailability.Taken }.ToConflict(),
            SignUpResult.TooManyMails tooMany => RateLimits.Reject(context, tooMany.RetryAfter),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<SlugReply> CheckSlug(string slug, SlugAvailability availability, CancellationToken ct)
    {
        var problem = await availability.ValidateAsync(slug, ct);
        return new SlugReply(slug, problem is null, problem);
    }

    // Without the password that the page asks for: no form or link sends JSON, so this is no click on a link in an unexpected mail.
    static async Task<Results<Ok<VerifyReply>, ProblemHttpResult>> Verify(VerifyBody body, VerifyAddress verifyAddress, CancellationToken ct) =>
        await verifyAddress.RunAsync(body.Token, ct) switch
        {
            VerifyResult.Verified verified => TypedResults.Ok(new VerifyReply(verified.Tenant, "active")),
            VerifyResult.AlreadyVerified verified => TypedResults.Ok(new VerifyReply(verified.Tenant, "active")),
            VerifyResult.Expired => TypedResults.Problem("The link was valid for 48 hours. Sign up again with the same data to get a new one.", statusCode: 410, title: "Link expired"),
            VerifyResult.TrialUsed => TypedResults.Problem(
                "This person has had a trial before. To use the platform, sign up again with the same data and a paid plan.", statusCode: 409, title: "Trial already used"),
            _ => TypedResults.Problem("The link is unknown or its signup has been deleted. Use the complete link from the email.", statusCode: 404, title: "Unknown link"),
        };

    sealed record SignupReply(Guid TenantId);

    /// <param name="Reason">Why the slug is not available; absent when it is.</param>
    sealed record SlugReply(string Slug, bool Available, string? Reason);

    sealed record VerifyReply(Guid TenantId, string Status);
}

/// <param name="Slug">3 to 40 of a-z, 0-9 and hyphens: the environment's address begins with it.</param>
/// <param name="Country">ISO 3166-1 alpha-2.</param>
/// <param name="VatId">With its country's prefix, as in VIES.</param>
/// <param name="Password">12 to 128 characters.</param>
/// <param name="AcceptTerms">Must be true.</param>
sealed record SignupBody(
    [property: Required] string? Email, [property: Required] string? Organization, [property: Required] string? Slug, [property: Required] string? Plan,
    [property: Required] string? Country, string? VatId, [property: Required] string? Password, [property: Required] bool? AcceptTerms)
{
    public SignUpRequest ToRequest() => new()
    {
        Tenant = new NewTenant { Email = Email, Organization = Organization, Slug = Slug, Country = Country, VatId = VatId },
        Plan = Plan,
        Password = Password,
        AcceptTerms = AcceptTerms ?? false,
    };
}

/// <param name="Token">From the link in the verification mail.</param>
sealed record VerifyBody([property: Required] string? Token);
