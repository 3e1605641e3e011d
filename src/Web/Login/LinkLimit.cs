namespace ControlPlane.Web.Login;

/// <summary>Limits the uses of mailed links (<see cref="SignInBudget.RejectLink"/>).</summary>
sealed class LinkLimit(SignInBudget budget, MailedLinks links) : IEndpointFilter
{
    static readonly TimeSpan LookupRetryAfter = TimeSpan.FromSeconds(5);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        string? link;
        using (var lookup = budget.BeginLookup(context.HttpContext))
        {
            if (!lookup.IsAcquired)
            {
                return RateLimits.Reject(context.HttpContext, LookupRetryAfter);
            }

            link = await links.KeyOfAsync(TokenOf(context), RateLimits.OriginOf(context.HttpContext).Name, context.HttpContext.RequestAborted);
        }

        return budget.RejectLink(context.HttpContext, link) is { } rejected ? rejected : await next(context);
    }

    static string TokenOf(EndpointFilterInvocationContext context) =>
        context.Arguments.OfType<IFormCollection>().FirstOrDefault() is { } form ? form["token"].ToString()
        : context.Arguments.OfType<VerifyBody>().FirstOrDefault() is { } body ? body.Token ?? ""
        : context.HttpContext.Request.Query["token"].ToString();
}

static class LinkLimits
{
    /// <summary>For routes whose form, body or query has a field <c>token</c>.</summary>
    public static TBuilder LimitLinks<TBuilder>(this TBuilder routes)
        where TBuilder : IEndpointConventionBuilder => routes.AddEndpointFilter<TBuilder, LinkLimit>();
}
