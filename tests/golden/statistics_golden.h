/*
** statistics_golden.h: printed by print_golden.py with
** NumPy 1.24.2, scikit-learn 1.2.1 and matplotlib 3.6.3.
*/
#ifndef STATISTICS_GOLDEN_H
#define STATISTICS_GOLDEN_H

#include <math.h>
#include <stdint.h>

static const int64_t golden_counts_normal[] = {
  10, 37, 103, 223, 287, 224, 90, 24, 1, 2
};

static const double golden_edges_normal[] = {
  -0x1.86e1c04fcf728p+1, -0x1.2d1fa0730b570p+1, -0x1.a6bb012c8e76ep+0, -0x1.e66d82e60c7f8p-1,
  -0x1.fd940dcbf0460p-3, 0x1.cf46f80028b90p-2, 0x1.2755fdb992658p+0, 0x1.dada3d731a9c8p+0,
  0x1.472f3e965169cp+1, 0x1.a0f15e7315854p+1, 0x1.fab37e4fd9a0dp+1
};

static const int64_t golden_counts_normal_37[] = {
  1, 4, 3, 5, 6, 12, 11, 15, 23, 25, 40, 48, 64, 61, 71, 89, 76, 67, 72, 69, 61, 49, 40, 24, 18, 21,
  10, 7, 3, 3, 0, 0, 1, 1, 0, 0, 1
};

static const double golden_edges_normal_37[] = {
  -0x1.86e1c04fcf728p+1, -0x1.6e9f7282d8b73p+1, -0x1.565d24b5e1fbdp+1, -0x1.3e1ad6e8eb408p+1,
  -0x1.25d8891bf4853p+1, -0x1.0d963b4efdc9ep+1, -0x1.eaa7db040e1d0p+0, -0x1.ba233f6a20a66p+0,
  -0x1.899ea3d0332fbp+0, -0x1.591a083645b90p+0, -0x1.28956c9c58426p+0, -0x1.f021a204d5978p-1,
  -0x1.8f186ad0faaa0p-1, -0x1.2e0f339d1fbccp-1, -0x1.9a0bf8d2899f0p-2, -0x1.aff314d5a7880p-3,
  -0x1.5e71c031de980p-6, 0x1.5856a4c92fe20p-3, 0x1.6e3dc0cc4dcc0p-2, 0x1.1828179a01d34p-1,
  0x1.79314ecddcc08p-1, 0x1.da3a8601b7ae0p-1, 0x1.1da1de9ac94d8p+0, 0x1.4e267a34b6c44p+0,
  0x1.7eab15cea43b0p+0, 0x1.af2fb16891b18p+0, 0x1.dfb44d027f284p+0, 0x1.081c744e364f8p+1,
  0x1.205ec21b2d0acp+1, 0x1.38a10fe823c62p+1, 0x1.50e35db51a818p+1, 0x1.6925ab82113ccp+1,
  0x1.8167f94f07f82p+1, 0x1.99aa471bfeb38p+1, 0x1.b1ec94e8f56ecp+1, 0x1.ca2ee2b5ec2a2p+1,
  0x1.e2713082e2e58p+1, 0x1.fab37e4fd9a0dp+1
};

static const int64_t golden_counts_normal_range[] = {
  37, 59, 81, 102, 128, 117, 108, 100, 85, 47, 35, 23
};

static const double golden_edges_normal_range[] = {
  -0x1.8000000000000p+0, -0x1.3555555555555p+0, -0x1.d555555555555p-1, -0x1.4000000000000p-1,
  -0x1.5555555555554p-2, -0x1.5555555555540p-5, 0x1.0000000000000p-2, 0x1.1555555555558p-1,
  0x1.aaaaaaaaaaaacp-1, 0x1.2000000000000p+0, 0x1.6aaaaaaaaaaacp+0, 0x1.b555555555556p+0,
  0x1.0000000000000p+1
};

static const int64_t golden_counts_ladder[] = {
  1, 1, 2, 0, 1, 2, 1, 0, 1, 2
};

static const double golden_edges_ladder[] = {
  0x0.0p+0, 0x1.999999999999ap-4, 0x1.999999999999ap-3, 0x1.3333333333334p-2, 0x1.999999999999ap-2,
  0x1.0000000000000p-1, 0x1.3333333333334p-1, 0x1.6666666666667p-1, 0x1.999999999999ap-1,
  0x1.ccccccccccccdp-1, 0x1.0000000000000p+0
};

static const int64_t golden_counts_ladder_3[] = {
  4, 3, 4
};

static const double golden_edges_ladder_3[] = {
  0x0.0p+0, 0x1.5555555555555p-2, 0x1.5555555555555p-1, 0x1.0000000000000p+0
};

static const int64_t golden_counts_ladder_range[] = {
  1, 2, 0, 1, 1, 2, 1
};

static const double golden_edges_ladder_range[] = {
  0x1.999999999999ap-4, 0x1.999999999999ap-3, 0x1.3333333333334p-2, 0x1.999999999999ap-2,
  0x1.0000000000000p-1, 0x1.3333333333333p-1, 0x1.6666666666667p-1, 0x1.999999999999ap-1
};

static const int64_t golden_counts_equal[] = {
  0, 0, 4, 0
};

static const double golden_edges_equal[] = {
  0x1.0000000000000p+1, 0x1.2000000000000p+1, 0x1.4000000000000p+1, 0x1.6000000000000p+1,
  0x1.8000000000000p+1
};

static const int64_t golden_counts_empty[] = {
  0, 0, 0, 0, 0
};

static const double golden_edges_empty[] = {
  0x0.0p+0, 0x1.999999999999ap-3, 0x1.999999999999ap-2, 0x1.3333333333334p-1, 0x1.999999999999ap-1,
  0x1.0000000000000p+0
};

static const double golden_linspace_tiny[] = {
  0x0.0p+0, 0x0.0p+0, 0x0.0000000000001p-1022, 0x0.0000000000001p-1022, 0x0.0000000000001p-1022,
  0x0.0000000000002p-1022, 0x0.0000000000002p-1022, 0x0.0000000000002p-1022,
  0x0.0000000000002p-1022, 0x0.0000000000003p-1022, 0x0.0000000000003p-1022
};

static const double golden_q[] = {
  0x0.0p+0, 0x1.0624dd2f1a9fcp-10, 0x1.47ae147ae147bp-7, 0x1.999999999999ap-4, 0x1.0000000000000p-2,
  0x1.54fdf3b645a1dp-2, 0x1.0000000000000p-1, 0x1.3333333333333p-1, 0x1.8000000000000p-1,
  0x1.ccccccccccccdp-1, 0x1.fae147ae147aep-1, 0x1.ffbe76c8b4396p-1, 0x1.0000000000000p+0
};

static const double golden_quantiles[] = {
  -0x1.86e1c04fcf728p+1, -0x1.6583cf2d49ed0p+1, -0x1.2707392a81bbep+1, -0x1.2e5cc70c41bedp+0,
  -0x1.334564878e2a7p-1, -0x1.68b42f0ad7bd4p-2, 0x1.4ab906fdf2313p-5, 0x1.42b924c765425p-2,
  0x1.66e720ee0bcacp-1, 0x1.3a9cd5509b34ap+0, 0x1.17eef2f662d2fp+1, 0x1.d1e64d11391b6p+1,
  0x1.fab37e4fd9a0dp+1
};

static const double golden_quantiles_even[] = {
  -0x1.86e1c04fcf728p+1, -0x1.658c59e9fecbap+1, -0x1.272acec7bc641p+1, -0x1.2e64bd66e9f05p+0,
  -0x1.33483a67c4661p-1, -0x1.691974e6e3c82p-2, 0x1.5244d5d855a90p-5, 0x1.42eb025dd7548p-2,
  0x1.687289aa48622p-1, 0x1.3aa7560e356aep+0, 0x1.17f02b0689e02p+1, 0x1.d1f0bf09598f2p+1,
  0x1.fab37e4fd9a0dp+1
};

static const double golden_quantiles_ladder[] = {
  0x0.0p+0, 0x1.0624dd2f1a9fcp-10, 0x1.47ae147ae147cp-7, 0x1.999999999999ap-4, 0x1.0000000000000p-2,
  0x1.54fdf3b645a1dp-2, 0x1.0000000000000p-1, 0x1.3333333333333p-1, 0x1.8000000000000p-1,
  0x1.ccccccccccccdp-1, 0x1.fae147ae147aep-1, 0x1.ffbe76c8b4396p-1, 0x1.0000000000000p+0
};

static const double golden_quantiles_two[] = {
  -0x1.0000000000000p+0, -0x1.fdf3b645a1cacp-1, -0x1.eb851eb851eb8p-1, -0x1.3333333333333p-1,
  0x0.0p+0, 0x1.53f7ced916874p-2, 0x1.0000000000000p+0, 0x1.6666666666666p+0, 0x1.0000000000000p+1,
  0x1.4cccccccccccdp+1, 0x1.7ae147ae147aep+1, 0x1.7fbe76c8b4396p+1, 0x1.8000000000000p+1
};

static const double golden_quantiles_one[] = {
  0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4,
  0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4,
  0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4, 0x1.999999999999ap-4,
  0x1.999999999999ap-4
};

static const double golden_box_normal[] = {
  0x1.3c614f25d0c32p-5, -0x1.334564878e2a7p-1, 0x1.4ab906fdf2313p-5, 0x1.66e720ee0bcacp-1,
  0x1.4d1642baccfaap+0, -0x1.42163eb2d2be0p+1, 0x1.43a02d402f4dep+1, -0x1.8c6520a6a3fcep-6,
  0x1.add24f279b306p-4
};

enum { golden_n_fliers_normal = 9 };

static const double golden_fliers_normal[] = {
  -0x1.6583cf2d49ed0p+1, -0x1.642a16e547f20p+1, -0x1.653f5ec900758p+1, -0x1.5963eae49ddbep+1,
  -0x1.86e1c04fcf728p+1, -0x1.5502142ac7309p+1, 0x1.83f320383e51bp+1, 0x1.fab37e4fd9a0dp+1,
  0x1.a9191bd29895ep+1
};

static const double golden_box_narrow[] = {
  -0x1.a20907705652cp-6, -0x1.618e4b27bd43bp-1, -0x1.75018f1fc2d1dp-3, 0x1.379b393208defp-1,
  0x1.4c94c22ce3115p+0, -0x1.1e080d0edef1cp+0, 0x1.cd9d4c86a5716p-1, -0x1.e1e082c38e3aap-2,
  0x1.b37bce8f2da32p-4
};

enum { golden_n_fliers_narrow = 10 };

static const double golden_fliers_narrow[] = {
  -0x1.2698d1ecca259p+1, -0x1.07b2b0d639af4p+1, 0x1.9fd5190657c50p+0, 0x1.beabfbd8fc605p+0,
  0x1.764cb4acd4876p+0, 0x1.223eb6d408ecbp+0, 0x1.250c9cf0b7892p+0, 0x1.a8e8cba48438fp+0,
  0x1.b144b46960ff9p+0, 0x1.0cd5290a3760ep+1
};

static const double golden_box_equal[] = {
  0x1.4000000000000p+1, 0x1.4000000000000p+1, 0x1.4000000000000p+1, 0x1.4000000000000p+1, 0x0.0p+0,
  0x1.4000000000000p+1, 0x1.4000000000000p+1, 0x1.4000000000000p+1, 0x1.4000000000000p+1
};

enum { golden_n_fliers_equal = 0 };

static const double golden_fliers_equal[] = {
  0x0.0p+0
};

static const double golden_box_skewed[] = {
  0x1.4cccccccccccdp+1, 0x1.0000000000000p+0, 0x1.0000000000000p+0, 0x1.0000000000000p+0, 0x0.0p+0,
  0x1.0000000000000p+0, 0x1.0000000000000p+0, 0x1.0000000000000p+0, 0x1.0000000000000p+0
};

enum { golden_n_fliers_skewed = 1 };

static const double golden_fliers_skewed[] = {
  0x1.2000000000000p+3
};

#endif
