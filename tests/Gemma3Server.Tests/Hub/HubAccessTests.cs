using Gemma3Server.Hub;

namespace Gemma3Server.Tests.Hub;

public sealed class HubAccessTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-home-");

    [Fact]
    public void Read_Nothing_IsThePublicHubWithoutToken()
    {
        var access = Read();
        Assert.Equal(("https://huggingface.co/", null), (access.Endpoint.AbsoluteUri, access.Token));
    }

    [Fact]
    public void Read_Endpoint_IsHonouredWithItsPath() =>
        Assert.Equal("https://mirror.example/hf/", Read(("HF_ENDPOINT", "https://mirror.example/hf")).Endpoint.AbsoluteUri);

    [Theory]
    [InlineData("HF_HOME", "")]
    [InlineData("XDG_CACHE_HOME", "huggingface")]
    [InlineData("HOME", ".cache/huggingface")]
    public void Read_TokenFile_IsWhereTheHubKeepsIt(string variable, string below)
    {
        var path = Write(Path.Combine(below, "token"), "hf_stored\n");
        var access = Read((variable, _folder.FullName));
        Assert.Equal(("hf_stored", path), (access.Token, access.TokenSource));
    }

    [Fact]
    public void Read_TokenPath_WinsOverTheHome()
    {
        Write("token", "hf_home");
        var path = Write("elsewhere", "hf_path");
        Assert.Equal("hf_path", Read(("HF_HOME", _folder.FullName), ("HF_TOKEN_PATH", path)).Token);
    }

    [Fact]
    public void Read_Variable_WinsOverTheFile()
    {
        Write("token", "hf_home");
        Assert.Equal("hf_set", Read(("HF_HOME", _folder.FullName), ("HF_TOKEN", " hf_set ")).Token);
    }

    [Theory]
    [InlineData("hf_a b")]
    [InlineData("hf_a\r\nX-Other: 1")]
    [InlineData("hf_ä")]
    public void Read_MalformedToken_IsRefusedWithoutQuotingIt(string token)
    {
        var fault = Assert.Throws<HubException>(() => Read(("HF_TOKEN", token)));
        Assert.DoesNotContain("hf_", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mirror.example")]
    [InlineData("ftp://mirror.example")]
    [InlineData("https://user:secret@mirror.example")]
    public void Read_UnusableEndpoint_IsRefusedWithoutQuotingIt(string endpoint)
    {
        var fault = Assert.Throws<HubException>(() => Read(("HF_ENDPOINT", endpoint)));
        Assert.DoesNotContain("mirror", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://huggingface.co/a/b", true)]
    [InlineData("https://HUGGINGFACE.co:443/", true)]
    [InlineData("http://huggingface.co/", false)]
    [InlineData("https://huggingface.co:444/", false)]
    [InlineData("https://cdn.huggingface.co/", false)]
    [InlineData("https://huggingface.co.evil.example/", false)]
    public void IsHub_Address_IsTheSameSchemeHostAndPort(string address, bool expected) => Assert.Equal(expected, Read().IsHub(new Uri(address)));

    [Fact]
    public void ToString_HasNoToken() => Assert.DoesNotContain("hf_", $"{Read(("HF_TOKEN", "hf_x"))}", StringComparison.Ordinal);

    public void Dispose() => _folder.Delete(recursive: true);

    private static HubAccess Read(params (string Name, string Value)[] variables) =>
        HubAccess.Read(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

    private string Write(string path, string text)
    {
        path = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
