using System.Net;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class CrossOriginTests
{
    private const string Page = "https://page.example";

    [Fact]
    public async Task Send_NoOrigins_HasNoCorsHeaders()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await SendAsync(server, HttpMethod.Get, Page);
        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("*", Page, "*")]
    [InlineData(Page, Page, Page)]
    [InlineData(Page, "https://other.example", null)]
    public async Task Send_Origin_IsAllowedWhenConfigured(string configured, string origin, string? allowed)
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { CorsOrigins = [configured], ApiKeys = ["k"] } });

        // Even a refusal for want of a key, which the page must be able to read.
        using var response = await SendAsync(server, HttpMethod.Get, origin);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal(allowed, Header(response, "Access-Control-Allow-Origin"));
        if (allowed is not null)
            Assert.Equal("x-request-id,x-ignored-params,retry-after", Header(response, "Access-Control-Expose-Headers"));
    }

    [Fact]
    public async Task Send_Preflight_NeedsNoKey()
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { CorsOrigins = [Page], ApiKeys = ["k"] } });
        using var response = await SendAsync(
            server, HttpMethod.Options, Page, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,content-type"));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("authorization,content-type", Header(response, "Access-Control-Allow-Headers"));
        Assert.Equal("POST", Header(response, "Access-Control-Allow-Methods"));
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;

    private static async Task<HttpResponseMessage> SendAsync(
        TestServer server, HttpMethod method, string origin, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, "/v1/models");
        request.Headers.Add("Origin", origin);
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        return await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
