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
        signup.MapGet("/verify", Verify).RequireRateLimiting(RateLimits.SignIn)
            .WithName("verifyEmail").WithSummary("Verify an email address")
            .WithDescription("The target of the link in the verification mail. Activates the tenant; opening the link again changes nothing. Answers JSON for `Accept: application/json`, otherwise a page.");
        routes.MapSignupPages();
        routes.MapSignInPages();
        routes.MapPasswordPages();
    }

    static async Task<Results<Accepted<SignupReply>, ValidationProblem, ProblemHttpResult>> Post(SignupBody body, SignUp signUp, CancellationToken ct) =>
        await signUp.RunAsync(body.ToRequest(), ct) switch
        {
            SignUpResult.Accepted accepted => TypedResults.Accepted((string?)null, new SignupReply(accepted.Tenant)),
            SignUpResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            SignUpResult.SlugTaken => new FieldErrors { ["slug"] = SlugAvailability.Taken }.ToConflict(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<SlugReply> CheckSlug(string slug, SlugAvailability availability, CancellationToken ct)
    {
        var problem = await availability.ValidateAsync(slug, ct);
        return new SlugReply(slug, problem is null, problem);
    }

    static async Task<IResult> Verify(string? token, HttpRequest request, VerifyAddress verifyAddress, CancellationToken ct)
    {
        var result = await verifyAddress.RunAsync(token ?? "", ct);
        var asJson = request.GetTypedHeaders().Accept.Any(accept => accept.MediaType == "application/json");
        return asJson ? VerifyJson(result) : VerifyPages.Show(result);
    }

    static IResult VerifyJson(VerifyResult result) => result switch
    {
        VerifyResult.Verified verified => TypedResults.Ok(new VerifyReply(verified.Tenant, "active")),
        VerifyResult.AlreadyVerified verified => TypedResults.Ok(new VerifyReply(verified.Tenant, "active")),
        VerifyResult.Expired => TypedResults.Problem("The link was valid for 48 hours. Sign up again with the same data to get a new one.", statusCode: 410, title: "Link expired"),
        VerifyResult.AddressTaken => TypedResults.Problem("The email address already has an account. Sign in, or sign up with a different address.", statusCode: 409, title: "Email address in use"),
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
