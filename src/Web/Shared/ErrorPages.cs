using Microsoft.AspNetCore.Antiforgery;

namespace ControlPlane.Web.Shared;

/// <summary>Answers a browser's failed request for a page with a page. Everything else gets problem+json from the writer after this one.</summary>
sealed class ErrorPages : IProblemDetailsWriter
{
    static readonly string[] NoPages = ["/v1", "/openapi", "/assets", "/healthz", "/readyz"];

    // The link of the verification mail is the one address of the API that people open.
    public static bool IsPage(HttpRequest request) =>
        request.Path.StartsWithSegments("/v1/verify") || !NoPages.Any(path => request.Path.StartsWithSegments(path));

    public bool CanWrite(ProblemDetailsContext context) =>
        IsPage(context.HttpContext.Request)
        && context.HttpContext.Request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase));

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var http = context.HttpContext;
        var status = context.ProblemDetails.Status ?? http.Response.StatusCode;
        var (title, detail) = Words(status, http);
        http.Response.StatusCode = status;
        await new RazorComponentResult<ErrorPage>(new { Status = status, Title = title, Detail = detail, Back = Back(http.Request), Home = Home(http.Request) })
        { StatusCode = status }.ExecuteAsync(http);
    }

    static (string Title, string Detail) Words(int status, HttpContext http) => status switch
    {
        400 when http.Features.Get<IAntiforgeryValidationFeature>() is { IsValid: false } => (
            "This form has grown old", "It was opened before you signed in or out, or too long ago, so it was not taken. Open the page again and send it once more."),
        400 => ("That could not be read", "Something in the address or the form is not as it should be. Nothing was changed."),
        403 => ("Not for this account", "You are signed in, but your role does not open this page. Ask an owner of your organization."),
        404 => ("Nothing is here", "The address is wrong, or what was here is gone."),
        405 => ("Not this way", "This address takes no such request. Use the links and forms of the portal."),
        413 => ("Too much at once", "What was sent is larger than this page takes."),
        429 => ("Too many attempts", "Wait a minute, then try again."),
        503 => ("Back in a moment", "The database does not answer. Nothing was changed; try again in a few seconds."),
        >= 500 => ("Something went wrong on our side", "It is in our log. Nothing was half done; you can try again."),
        _ => ("That did not work", "Nothing was changed."),
    };

    // A failed form is tried again from the page it stands on.
    static string Back(HttpRequest request) => HttpMethods.IsGet(request.Method) ? request.Path + request.QueryString : Home(request);

    static string Home(HttpRequest request) => request.Path.StartsWithSegments("/app") ? "/app" : request.Path.StartsWithSegments("/admin") ? "/admin" : "/";
}
