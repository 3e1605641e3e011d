namespace ControlPlane.Web.Billing;

/// <summary>
/// Answers a form by continuing at a page of the payment provider. Browsers apply the policy <c>form-action 'self'</c> to redirects of a form's answer, so the answer is a page of our
/// own with a Refresh header: the policy stays as strict as on all pages, and no address of ours forwards to a place that a visitor chooses.
/// </summary>
sealed class ContinueAt(Uri url) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.Headers["Refresh"] = $"0; url={url.AbsoluteUri}";
        return new RazorComponentResult<ContinuePage>(new { Url = url }).ExecuteAsync(httpContext);
    }
}
