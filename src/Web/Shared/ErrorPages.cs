using Microsoft.AspNetCore.Antiforgery;

namespace ControlPlane.Web.Shared;

/// <summary>Error pages for browsers. Everything else gets problem+json from the next writer.</summary>
sealed class ErrorPages : IProblemDetailsWriter
{
    static readonly string[] NonPagePaths = ["/v1", "/openapi", "/assets", "/healthz", "/readyz"];

    // The link in the verification mail is the only API path opened in a browser.
    public static bool IsPage(HttpRequest request) =>
        request.Path.StartsWithSegments("/v1/verify") || !NonPagePaths.Any(path => request.Path.StartsWithSegments(path));

    public bool CanWrite(ProblemDetailsContext context) =>
        IsPage(context.HttpContext.Request)
        && context.HttpContext.Request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase));

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var http = context.HttpContext;
        var status = context.ProblemDetails.Status ?? http.Response.StatusCode;
        var (title, detail) = Describe(status, context.ProblemDetails.Detail, http);
        http.Response.StatusCode = status;
        await new RazorComponentResult<ErrorPage>(new { Status = status, Title = title, Detail = detail, Back = Back(http.Request), Home = Home(http.Request) })
        { StatusCode = status }.ExecuteAsync(http);
    }

    static (string Title, string Detail) Describe(int status, string? problem, HttpContext http) => status switch
    {
        400 when http.Features.Get<IAntiforgeryValidationFeature>() is { IsValid: false } => (
            "This form has expired", "You signed in or out after opening it, or it was open for too long. Nothing was changed. Reload the page and submit the form again."),
        400 => ("Invalid request", "The address or the form contains an invalid value. Nothing was changed."),
        403 when http.Request.Path.StartsWithSegments("/admin") => ("Access denied", "Your role does not allow this. Ask an admin."),
        403 => ("Access denied", "Your role does not allow this. Ask an owner of your organization."),
        404 => ("Page not found", "The address is wrong, or the page no longer exists."),
        405 => ("Method not allowed", "This address does not support the request. Use the links and forms of the portal."),
        413 => ("Request too large", "The data you sent exceeds the limit of this page."),
        429 => ("Too many attempts", problem ?? "Wait a minute, then try again."),
        503 => ("Temporarily unavailable", "We cannot process your request right now. Nothing was changed. Try again in a few seconds."),
        >= 500 => ("Something went wrong", "The error has been logged. No partial changes were saved, so you can safely try again."),
        _ => ("Request failed", "Nothing was changed."),
    };

    // A failed form is retried from the page it is on.
    static string Back(HttpRequest request) => HttpMethods.IsGet(request.Method) ? request.Path + request.QueryString : Home(request);

    static string Home(HttpRequest request) => request.Path.StartsWithSegments("/app") ? "/app" : request.Path.StartsWithSegments("/admin") ? "/admin" : "/";
}
