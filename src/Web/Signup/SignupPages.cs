using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Signup;

/// <summary>The signup form and the pages that follow it. Equivalent to POST /v1/signup.</summary>
static class SignupPages
{
    public static void MapSignupPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/").ExcludeFromDescription();
        pages.MapGet("/", Show);
        pages.MapPost("/signup", Post).RequireRateLimiting(RateLimits.Signup);
        // Reached by a reload or a sign-in after the form was posted.
        pages.MapGet("/signup", () => new SeeOther("/"));
        pages.MapGet("/signup/done", () => new RazorComponentResult<MessagePage>(new
        {
            Title = "Check your email",
            Notice = "We have sent you an email with a link. Open it in this browser within 48 hours and we will set up your environment.",
            LinkTo = "/login",
            LinkText = "Sign in",
        }));
        pages.MapGet("/terms", () => new RazorComponentResult<TermsPage>());
    }

    static async Task<RazorComponentResult> Show(string? plan, ControlDatabase database, Clock clock, ControlPlaneOptions options, DataPlaneOptions installation, Seller seller, CancellationToken ct) =>
        await RenderAsync(new SignupForm { Plan = plan }, database, clock, options, installation, seller, ct);

    static async Task<IResult> Post(
        [FromForm] IFormCollection form, HttpContext context, SignUp signUp, KnownBrowsers browsers, ControlDatabase database, Clock clock,
        ControlPlaneOptions options, DataPlaneOptions installation, Seller seller, CancellationToken ct)
    {
        var entered = SignupForm.From(form);
        var result = await signUp.RunAsync(entered.ToRequest(form["password"]), browsers.OriginOf(context, entered.Email ?? ""), ct);
        if (result is SignUpResult.Accepted accepted)
        {
            browsers.RememberSignup(context, accepted.Tenant);
            return new SeeOther("/signup/done");
        }

        if (result is SignUpResult.TooManyMails tooMany)
        {
            return RateLimits.Reject(context, tooMany.RetryAfter);
        }

        var errors = result switch
        {
            SignUpResult.Invalid invalid => invalid.Errors,
            SignUpResult.SlugTaken => new FieldErrors { ["slug"] = SlugAvailability.Taken },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
        return await RenderAsync(entered with { Errors = errors }, database, clock, options, installation, seller, ct);
    }

    static async Task<RazorComponentResult> RenderAsync(
        SignupForm form, ControlDatabase database, Clock clock, ControlPlaneOptions options, DataPlaneOptions installation, Seller seller, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        var model = form with
        {
            Plans = await transaction.PlansAsync(clock.GetUtcNow(), ct),
            AddressSuffix = options.AddressOf(""),
            Installation = installation,
            Contact = seller.Email,
        };
        return new RazorComponentResult<SignupPage>(new { Model = model }) { StatusCode = model.Errors.Count == 0 ? 200 : 400 };
    }
}

/// <summary>Model of the signup form: the plans and, after an error, the previous input except the password.</summary>
public sealed record SignupForm
{
    public IReadOnlyList<Plan> Plans { get; init; } = [];
    /// <summary>The part of an environment's address after the slug.</summary>
    public string AddressSuffix { get; init; } = "";
    /// <summary>What this installation can provide of what plans include.</summary>
    public DataPlaneOptions Installation { get; init; } = new() { ControlPlaneUrl = new("http://localhost") };
    /// <summary>Email address for enquiries about plans with agreed prices.</summary>
    public string Contact { get; init; } = "";
    public FieldErrors Errors { get; init; } = [];

    public string? Email { get; init; }
    public string? Organization { get; init; }
    public string? Slug { get; init; }
    public string? Plan { get; init; }
    public string? Country { get; init; }
    public string? VatId { get; init; }
    public bool AcceptTerms { get; init; }

    /// <summary>The selected plan; the first one by default.</summary>
    public string? SelectedPlan => Plans.Where(plan => plan.SelfService).OrderByDescending(plan => plan.Name == Plan).Select(plan => plan.Name).FirstOrDefault();

    public static SignupForm From(IFormCollection form) => new()
    {
        Email = form["email"],
        Organization = form["organization"],
        // Phone keyboards capitalize the first letter.
        Slug = form["slug"].ToString().Trim().ToLowerInvariant(),
        Plan = form["plan"],
        Country = form["country"],
        VatId = form["vat_id"],
        AcceptTerms = form["accept_terms"] == "true",
    };

    public SignUpRequest ToRequest(string? password) => new()
    {
        Tenant = new NewTenant { Email = Email, Organization = Organization, Slug = Slug, Country = Country, VatId = VatId },
        Plan = Plan,
        Password = password,
        AcceptTerms = AcceptTerms,
    };
}
