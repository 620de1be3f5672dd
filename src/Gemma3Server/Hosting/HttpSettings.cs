using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>How clients reach the server.</summary>
internal sealed record HttpSettings
{
    /// <summary>Address to listen on: an IP address, <c>localhost</c>, or <c>*</c> for all. Only this machine by default: there is no key by default.</summary>
    [Required(AllowEmptyStrings = false)]
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>TCP port; 0 = any free one. 8080 is what other local servers use.</summary>
    [Range(0, 65_535)]
    public int Port { get; init; } = 8080;

    /// <summary>Keys that clients may use; none = open.</summary>
    public string[] ApiKeys { get; init; } = [];

    /// <summary>Keys of those who may load, unload and pin models; none = nobody may.</summary>
    public string[] AdminKeys { get; init; } = [];

    /// <summary>Origins whose web pages may call the API, such as <c>https://example.org</c>; <c>*</c> = all, none = no CORS headers.</summary>
    public string[] CorsOrigins { get; init; } = [];

    /// <summary>Largest request body in bytes. 32 MiB holds 131,072 tokens of text many times over.</summary>
    [Range(1024L, 1L << 30)]
    public long MaxBodyBytes { get; init; } = 32L << 20;

    /// <summary>Seconds that running answers get to finish after a stop signal. 30 s is the grace period that Kubernetes gives.</summary>
    [Range(0, 3600)]
    public int DrainTimeout { get; init; } = 30;

    /// <summary>Most open connections; 0 = no limit.</summary>
    [Range(0, 1_000_000)]
    public int MaxConnections { get; init; } = 4096;
}
