using Gemma3Server.Hosting;

namespace Gemma3Server.Tests.Hosting;

public sealed class EmbeddedModelTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public void OrConfigured_NoModel_IsTheOneBesideTheProgram(string? path)
    {
        var options = EmbeddedModel.OrConfigured(new() { Model = new() { Path = path, Id = "mine" } }, out var isEmbedded);
        Assert.True(isEmbedded);
        Assert.Equal((EmbeddedModel.Path, "mine"), (options.Model.Path, options.Model.Id));
        Assert.True(File.Exists(options.Model.Path));
    }

    [Fact]
    public void OrConfigured_AModel_IsLeftAlone()
    {
        var options = new Gemma3ServerOptions { Model = new() { Path = "some.gguf" } };
        Assert.Same(options, EmbeddedModel.OrConfigured(options, out var isEmbedded));
        Assert.False(isEmbedded);
    }

    [Fact]
    public void FindModelFault_NoModelAtAll_SaysWhatToDo() =>
        Assert.StartsWith("No model is given", ServerRun.FindModelFault(""), StringComparison.Ordinal);
}
