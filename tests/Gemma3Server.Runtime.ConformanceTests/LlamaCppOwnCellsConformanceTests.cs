namespace Gemma3Server.Runtime.ConformanceTests;

public sealed class LlamaCppOwnCellsConformanceTests : RuntimeConformanceTests
{
    // Measured: rounding moves logits by up to 0.35 on this checkpoint, a wrong window or position by 5 and more.
    protected override float Tolerance => 1f;

    protected override IModelRuntime Create() => TinyCheckpoint.Load(TinyCheckpoint.Options with { LogitsRows = 16 });
}
