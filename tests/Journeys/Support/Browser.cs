using Microsoft.Playwright;

namespace ControlPlane.Tests.Support;

/// <summary>Chromium and one server, shared by the tests of a class. Tests that use it have the trait <c>Category=Browser</c>.</summary>
public sealed class Browser : IAsyncLifetime
{
    public const string Category = "Browser";
    const string DefaultPath = "/usr/bin/chromium";

    // No sandbox, because the tests may run as root; no background network traffic.
    static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    IPlaywright? _playwright;
    IBrowser? _browser;
    TestServer? _server;

    public TestServer Server => _server!;

    public async Task InitializeAsync()
    {
        Assertions.SetDefaultExpectTimeout(30_000);
        _server = await TestServer.StartAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") is { Length: > 0 } path ? path : DefaultPath,
            Headless = true,
            Args = Arguments,
        });
    }

    public async Task DisposeAsync()
    {
        await (_browser?.DisposeAsync() ?? ValueTask.CompletedTask);
        _playwright?.Dispose();
        await (_server?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>A browser window without a session.</summary>
    public async Task<Window> OpenAsync(bool javaScript = true, bool phone = false, bool dark = false)
    {
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = Server.Address.ToString(),
            JavaScriptEnabled = javaScript,
            ViewportSize = phone ? new ViewportSize { Width = 360, Height = 740 } : new ViewportSize { Width = 1280, Height = 800 },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(30_000);
        return new Window(context, await context.NewPageAsync());
    }

    /// <summary>Signs in the tenant's owner without the form.</summary>
    public async Task SignInAsync(Window window, Guid tenant)
    {
        var session = Credentials.New();
        await using var transaction = await Server.Database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync(StartSession, CancellationToken.None, Credentials.Hash(session), tenant);
        await transaction.CommitAsync(CancellationToken.None);
        await window.SetCookieAsync(Server.Services.GetRequiredService<PortalCookies>().Member, session, Server.Address);
    }

    public async Task SignInAsOperatorAsync(Window window)
    {
        await window.GoAsync("/admin");
        await window.Page.GetByLabel("Operator key").FillAsync(Server.OperatorKey);
        await window.PressAsync("Sign in");
    }

    const string StartSession = """
        insert into control.member_session (token_hash, tenant_id, member_id, expires_at)
        select $1, tenant_id, id, now() + interval '1 hour' from control.member where tenant_id = $2 and role = 'owner'
        """;
}
