using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class MemoryEstimateTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(-1, 0, 0, 100, 0, 30)]
    [InlineData(11, 0, 0, 100, 0, 30)]
    [InlineData(99, 0, 0, 100, 0, 30)]
    [InlineData(0, 1000, 100, 0, 30, 0)]
    [InlineData(1, 1000, 100, 0, 30, 30)] // the output alone
    [InlineData(6, 500, 50, 50, 30, 30)]
    public void Create_GpuLayers_SplitsByLayers(int gpuLayers, long hostWeights, long hostKv, long deviceKv, long hostCompute, long deviceCompute)
    {
        var estimate = MemoryEstimate.Create(10, gpuLayers, 1000, 100, 30, 7);

        Assert.Equal(
            new MemoryEstimate { HostWeights = hostWeights, HostKv = hostKv, DeviceKv = deviceKv, HostCompute = hostCompute, DeviceCompute = deviceCompute, Logits = 7 }, estimate);
        Assert.Equal(hostWeights + hostKv + hostCompute + 7, estimate.Host);
        Assert.Equal(deviceKv + deviceCompute, estimate.Device);
    }

    [Fact]
    public void Require_OneSideIsShort_NamesItsPartsWhateverTheOtherHas()
    {
        var estimate = MemoryEstimate.Create(10, 6, 1000 * MiB, 100 * MiB, 30 * MiB, 7 * MiB);
        estimate.Require("It", estimate.Host, estimate.Device);

        var host = Assert.Throws<ModelLoadException>(() => estimate.Require("It", estimate.Host - 1, long.MaxValue)).Message;
        Assert.Contains("It needs 587 MiB of host memory (weights 500, KV 50, compute 30, logits 7) but 586 MiB are free", host, StringComparison.Ordinal);
        var device = Assert.Throws<ModelLoadException>(() => estimate.Require("It", long.MaxValue, estimate.Device - 1)).Message;
        Assert.Contains("It needs 80 MiB of GPU memory beside the weights (KV 50, compute 30) but 79 MiB are free", device, StringComparison.Ordinal);
    }

    [Fact]
    public void ComputeBytes_WithoutFlashAttention_CountsTheScores()
    {
        var flash = MemoryEstimate.ComputeBytes(512, 1152, 6912, 0, 8192, 4 * MiB);
        Assert.Equal(512 * (4 * (4 * 1152 + 3 * 6912) + 8192 * 4) + 4 * MiB, flash);
        Assert.Equal(flash + 4L * 512 * 8192 * 4, MemoryEstimate.ComputeBytes(512, 1152, 6912, 4, 8192, 4 * MiB));
    }

    [Fact]
    public void Available_ThisHost_IsMoreThanNothing() => Assert.True(HostMemory.Available() > 0);
}
