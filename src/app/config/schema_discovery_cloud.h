// Service discovery over the clouds' APIs: the blocks, a table each, that kDiscoveryBlock lists.
#pragma once

#include "app/config/schema.h"

namespace kw::app {

extern const Block kAwsSdBlock;
extern const Block kAzureSdBlock;
extern const Block kDigitaloceanSdBlock;
extern const Block kEc2SdBlock;
extern const Block kEcsSdBlock;
extern const Block kElasticacheSdBlock;
extern const Block kGceSdBlock;
extern const Block kHetznerSdBlock;
extern const Block kIonosSdBlock;
extern const Block kLightsailSdBlock;
extern const Block kLinodeSdBlock;
extern const Block kMskSdBlock;
extern const Block kOciSdBlock;
extern const Block kOpenstackSdBlock;
extern const Block kOutscaleSdBlock;
extern const Block kOvhcloudSdBlock;
extern const Block kRdsSdBlock;
extern const Block kScalewaySdBlock;
extern const Block kStackitSdBlock;
extern const Block kTritonSdBlock;
extern const Block kVultrSdBlock;

}  // namespace kw::app
