using Gemma3Server.Testing;

namespace Gemma3Server.Runtime.ConformanceTests;

public sealed class FakeEmbeddingConformanceTests : EmbeddingConformanceTests
{
    protected override float Tolerance => 0;

    protected override IModelRuntime Create() => new FakeModelRuntime(new() { ContextLength = 512 });
}
